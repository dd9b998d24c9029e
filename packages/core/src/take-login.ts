/** Take: under one hold of claude's locks, compare, write the escrow, disarm. */

import type { Reading } from "./credentials-file.ts";
import {
	addHandover,
	changeHandover,
	changePc,
	dropHandover,
	escrowFacts,
	forgetWait,
	handoverOf,
	know,
	newHandover,
	notePc,
	type PcDraft,
} from "./handover-draft.ts";
import { type Handover, NORMAL_STORE, type StoreLock } from "./handover-state.ts";
import { descends, showsOurDisarm } from "./login-evidence.ts";
import type { ArmedSession } from "./session.ts";
import { settleReading } from "./settle-reading.ts";
import { showBlank, unlock } from "./store-lock.ts";

/** Compare, write the escrow, disarm: the three stand together under one hold of the locks. */
export function take(draft: PcDraft, lock: StoreLock, reading: Reading, now: number): void {
	const handover = handoverOf(draft, lock.fp);
	if (handover?.step !== "taking") return unlock(draft);
	if (reading.kind === "login" && reading.fp === handover.fp)
		return takeThis(draft, lock, reading.session, handover);
	if (!draft.run.escrows.includes(handover.fp)) {
		// Changed between the offer and the lock: start again from what is there now.
		dropHandover(draft, handover.fp);
		return startAgain(draft, handover, reading, now);
	}
	settleInterrupted(draft, handover, reading, now);
}

function takeThis(
	draft: PcDraft,
	lock: StoreLock,
	session: ArmedSession,
	handover: Handover,
): void {
	const facts = escrowFacts(session, handover.host, handover.store);
	draft.underLock.push(
		{ type: "write-escrow", facts, session },
		{ type: "disarm-store", store: lock.store, fp: handover.fp },
	);
}

/** An earlier take was cut short after its escrow: was the store disarmed or not? */
function settleInterrupted(
	draft: PcDraft,
	handover: Handover,
	reading: Reading,
	now: number,
): void {
	if (showsOurDisarm(handover, reading)) {
		becomeTaken(draft, handover, now);
		return unlock(draft);
	}
	if (descends(handover, reading)) {
		// Never disarmed: claude has rotated it since, so the copy in escrow is of a spent token. It is
		// marked so durably: an escrow that nobody knows is taken for one in transit.
		changeHandover(draft, handover.fp, { step: "discarding", since: now });
		return startAgain(draft, handover, reading, now);
	}
	changeHandover(draft, handover.fp, { step: "kept", reason: "unsure", since: now });
	notePc(draft, "warn", "kept", { fp: handover.fp, host: handover.host, reason: "unsure" });
	unlock(draft);
}

function startAgain(draft: PcDraft, handover: Handover, reading: Reading, now: number): void {
	unlock(draft);
	const { host, store, replace } = handover;
	const rotated = descends(handover, reading) && reading.kind === "login";
	if (rotated && handover.takeBack !== undefined) know(draft, reading.fp, "own", host, now);
	settleReading(draft, store, reading, now);
	const free = rotated && handoverOf(draft, reading.fp) === undefined;
	if (free && draft.record.known[reading.fp] === undefined) {
		addHandover(
			draft,
			newHandover(escrowFacts(reading.session, host, store), "pending", replace, now),
		);
	}
}

/** In transit from now on; the permit that let it is used up. */
export function becomeTaken(draft: PcDraft, handover: Handover, now: number): void {
	changeHandover(draft, handover.fp, { step: "taken", since: now });
	forgetWait(draft, handover.fp);
	showBlank(draft, handover.store, handover.fp);
	if (handover.store === NORMAL_STORE && draft.record.permit?.host === handover.host) {
		changePc(draft, { permit: undefined });
	}
	notePc(draft, "info", "taken", { fp: handover.fp, host: handover.host });
}
