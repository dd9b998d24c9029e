/** What is done under claude's locks, and what came of it: take, put back, disarm. */

import type { Reading } from "./credentials-file.ts";
import { handoverOf, isOurs, notePc, type PcDraft, rememberPc } from "./handover-draft.ts";
import type { StoreId, StoreLock } from "./handover-state.ts";
import type { Fingerprint } from "./lineage.ts";
import { finishPutBack, putBack } from "./put-login-back.ts";
import { giveUpLock, haveEscrow, show, showBlank, unlock } from "./store-lock.ts";
import { becomeTaken, take } from "./take-login.ts";

export function settleLocked(
	draft: PcDraft,
	lock: StoreLock,
	reading: Reading,
	now: number,
	random: number,
): void {
	rememberPc(draft, { lock: { ...lock, held: true } });
	if (reading.kind === "unreadable") return giveUpLock(draft, now, random);
	const { [lock.store]: _waited, ...lockWaits } = draft.run.lockWaits;
	rememberPc(draft, { lockWaits });
	switch (lock.purpose) {
		case "take":
			return take(draft, lock, reading, now);
		case "put-back":
			return putBack(draft, lock, reading, now);
		case "disarm":
			return disarm(draft, lock, reading);
	}
}

/** The copy may be gone or replaced by now: only what is really there, and really ours, is disarmed. */
function disarm(draft: PcDraft, lock: StoreLock, reading: Reading): void {
	if (reading.kind === "login" && isOurs(draft, reading.fp)) {
		draft.underLock.push({ type: "disarm-store", store: lock.store, fp: reading.fp });
		return;
	}
	forgetCopy(draft, lock.store);
	unlock(draft);
}

function forgetCopy(draft: PcDraft, store: StoreId): void {
	const { [store]: _gone, ...copies } = draft.run.copies;
	rememberPc(draft, { copies });
}

/** The store has let go of this login, durably. */
export function settleDisarmed(draft: PcDraft, fp: Fingerprint, now: number): void {
	const { lock } = draft.run;
	if (lock === undefined) return;
	const handover = handoverOf(draft, fp);
	if (lock.purpose === "take" && handover?.step === "taking") {
		haveEscrow(draft, fp);
		becomeTaken(draft, handover, now);
	}
	if (lock.purpose === "disarm") {
		forgetCopy(draft, lock.store);
		showBlank(draft, lock.store, fp);
		const host = draft.record.known[fp]?.host ?? handover?.host;
		notePc(draft, "warn", "copy-disarmed", { fp, ...(host === undefined ? {} : { host }) });
	}
	unlock(draft);
}

/** The session from escrow is in the store again, durably. */
export function settleRestored(draft: PcDraft, fp: Fingerprint, now: number): void {
	const handover = handoverOf(draft, fp);
	if (handover?.step === "putting-back") {
		const { store, account, deadline } = handover;
		// What claude makes of it before the next look is a rotation of it, and no fresh login.
		show(draft, store, { fp, lastFp: undefined, account, deadline });
		finishPutBack(draft, handover, now);
	}
	unlock(draft);
}
