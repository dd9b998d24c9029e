/** Offer: nothing is touched on the PC before the host has said that it would accept. */

import { custodyOf, isSpentUnseen } from "./answer-custody.ts";
import { type Draft, remember } from "./custody-draft.ts";
import type { Reservation } from "./custody-state.ts";
import { byOurClock } from "./other-clock.ts";
import type { AnswerBody, DeclineReason, OfferRequest } from "./protocol.ts";
import { isUsedUp } from "./remembered-past.ts";
import { isBusy, isSealed } from "./staged-login.ts";

export function answerOffer(
	draft: Draft,
	offer: OfferRequest,
	device: string,
	nonce: string,
	now: number,
): AnswerBody {
	const { fp } = offer;
	const past = draft.record.past[fp];
	if (past?.was === "claimed" || past?.was === "spent" || isSpentUnseen(draft, fp))
		return custodyOf(draft, fp);
	const { staged } = draft.record;
	if (staged?.firstFp === fp && (isBusy(staged) || isSealed(staged))) return custodyOf(draft, fp);
	const reason = reasonToDecline(draft, offer, device, now);
	if (reason !== undefined) return { type: "decline", fp, reason };
	const { reservation: goodForMs } = draft.rules.timing;
	remember(draft, { reservation: { fp, device, nonce, until: now + goodForMs } });
	return { type: "accept", fp, nonce, goodForMs };
}

function reasonToDecline(
	draft: Draft,
	offer: OfferRequest,
	device: string,
	now: number,
): DeclineReason | undefined {
	const { record, run } = draft;
	if (isUsedUp(record, offer.fp) || record.current?.fp === offer.fp) return "retired";
	if (offer.expiresAt === 0) return "blank";
	if (offer.deadline !== undefined && byOurClock(offer.deadline, offer.now, now) <= now)
		return "expired";
	const otherAccount = record.account !== undefined && offer.account !== undefined;
	if (otherAccount && record.account !== offer.account) return "other-account";
	if (isReservedFor(run.reservation, now) && run.reservation?.device !== device) return "busy";
	const { staged } = record;
	if (staged !== undefined && staged.firstFp !== offer.fp && !isSealed(staged)) {
		if (isBusy(staged) || !offer.replace) return "busy";
	}
	if (offer.replace) return undefined;
	if (record.current?.phase.name === "revoking") return "busy";
	return isHealthy(draft, now) ? "healthy" : undefined;
}

function isReservedFor(reservation: Reservation | undefined, now: number): boolean {
	return reservation !== undefined && reservation.until > now;
}

/** In good order and not near its end: another login would only push out a living one. */
function isHealthy(draft: Draft, now: number): boolean {
	const { current } = draft.record;
	if (current?.phase.name !== "held" && current?.phase.name !== "refreshing") return false;
	const { deadline } = current.session;
	return deadline === undefined || deadline - now > draft.rules.timing.renewal;
}
