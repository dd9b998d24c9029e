/** Deliver: under the nonce of an accepted offer, a login becomes staged. */

import { custodyOf, isSpentUnseen } from "./answer-custody.ts";
import type { Draft } from "./custody-draft.ts";
import { BatonError } from "./error.ts";
import { byOurClock } from "./other-clock.ts";
import type { AnswerBody, DeliverRequest } from "./protocol.ts";
import { isUsedUp } from "./remembered-past.ts";
import {
	isArmed,
	oddToken,
	parseEntry,
	type Session,
	sessionFingerprint,
	setupTokenSession,
} from "./session.ts";
import { stageLogin } from "./stage-login.ts";

export function answerDeliver(
	draft: Draft,
	request: DeliverRequest,
	device: string,
	random: number,
	now: number,
): AnswerBody {
	const { fp } = request;
	if (isUsedUp(draft.record, fp) || isSpentUnseen(draft, fp)) return custodyOf(draft, fp);
	if (!isPromised(draft, request, device, now)) return custodyOf(draft, fp);
	const session = sessionOf(request);
	if (session === undefined)
		return { type: "refused", reason: "the session is not the one offered" };
	const ours = sessionByOurClock(session, request.now, now);
	if (!stageLogin(draft, { session: ours, device, imported: undefined, random }, now)) {
		return { type: "decline", fp, reason: "busy" };
	}
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
