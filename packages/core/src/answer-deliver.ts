/** Deliver: under the nonce of an accepted offer, a login becomes staged. */

import { custodyOf, isSpentUnseen, isUsedUp } from "./answer-custody.ts";
import { change, type Draft, note, remember } from "./custody-draft.ts";
import { BatonError } from "./error.ts";
import { type Fingerprint, lineageIdOf } from "./lineage.ts";
import { byOurClock } from "./other-clock.ts";
import type { AnswerBody, DeliverRequest } from "./protocol.ts";
import { refuseStaged } from "./refuse-staged.ts";
import {
	isArmed,
	oddToken,
	parseEntry,
	type Session,
	sessionFingerprint,
	setupTokenSession,
} from "./session.ts";
import { settleSpent } from "./settle-refresh.ts";
import { isBusy, isSealed } from "./staged-login.ts";

export function answerDeliver(
	draft: Draft,
	request: DeliverRequest,
	device: string,
	random: number,
	now: number,
): AnswerBody {
	const { fp } = request;
	const { staged, past } = draft.record;
	if (isUsedUp(past[fp]) || isSpentUnseen(draft, fp)) return custodyOf(draft, fp);
	if (!isPromised(draft, request, device, now)) return custodyOf(draft, fp);
	const session = sessionOf(request);
	if (session === undefined)
		return { type: "refused", reason: "the session is not the one offered" };
	if (staged?.firstFp === fp) {
		if (!isSealed(staged)) remember(draft, { armed: fp });
		return custodyOf(draft, fp);
	}
	if (staged !== undefined) {
		if (isBusy(staged)) return { type: "decline", fp, reason: "busy" };
		if (isSealed(staged)) settleSpent(draft, staged, now);
		else refuseStaged(draft, "replaced", now);
	}
	stage(draft, fp, sessionByOurClock(session, request.now, now), device, random, now);
	return custodyOf(draft, fp);
}

/** The nonce is good for one fingerprint of one device, for a while, in this run of the service. */
function isPromised(draft: Draft, request: DeliverRequest, device: string, now: number): boolean {
	const { reservation } = draft.run;
	return (
		reservation !== undefined &&
		reservation.until > now &&
		reservation.fp === request.fp &&
		reservation.device === device &&
		reservation.nonce === request.nonce
	);
}

function sessionOf(request: DeliverRequest): Session | undefined {
	try {
		const entry = parseEntry(request.session);
		const session =
			request.session.kind === "setup-token"
				? setupTokenSession(entry.accessToken, entry.expiresAt)
				: entry;
		const claimable = session.kind === "setup-token" || isArmed(session);
		if (oddToken(session) !== undefined) return undefined;
		return claimable && sessionFingerprint(session) === request.fp ? session : undefined;
	} catch (error) {
		if (error instanceof BatonError) return undefined;
		throw error;
	}
}

/** An end that is judged hours too late makes a token that has ended look like a dead one. */
function sessionByOurClock(session: Session, pcNow: number | undefined, now: number): Session {
	const { expiresAt, deadline } = session;
	return {
		...session,
		expiresAt: expiresAt === undefined ? undefined : byOurClock(expiresAt, pcNow, now),
		deadline: deadline === undefined ? undefined : byOurClock(deadline, pcNow, now),
	};
}

function stage(
	draft: Draft,
	fp: Fingerprint,
	session: Session,
	device: string,
	random: number,
	now: number,
): void {
	const { [fp]: _tombstone, ...past } = draft.record.past;
	change(draft, {
		past,
		staged: {
			lineageId: lineageIdOf(fp),
			firstFp: fp,
			fp,
			session,
			generation: 0,
			obtainedAt: now,
			jitter: random,
			device,
			account: undefined,
			erasedAt: undefined,
			phase: { name: "staged", served: false },
		},
	});
	remember(draft, {
		armed: fp,
		refreshRetry: { ...draft.run.refreshRetry, staged: { failures: 0, at: 0 } },
		harvested: { ...draft.run.harvested, staged: false },
	});
	note(draft, "info", "staged", { fp, device });
}
