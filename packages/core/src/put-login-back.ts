/** Putting a login back that is the PC's own again: only into a blank store. */

import type { Reading } from "./credentials-file.ts";
import {
	changeHandover,
	handoverOf,
	know,
	notePc,
	type PcDraft,
	rememberPc,
} from "./handover-draft.ts";
import type { Handover, StoreLock } from "./handover-state.ts";
import { descends, showsOurDisarm } from "./login-evidence.ts";
import { show, unlock } from "./store-lock.ts";

type LoginReading = Extract<Reading, { kind: "login" }>;

/** Only into a blank store: a login found there is another's, or is this one already. */
export function putBack(draft: PcDraft, lock: StoreLock, reading: Reading, now: number): void {
	const handover = handoverOf(draft, lock.fp);
	if (handover?.step !== "putting-back") return unlock(draft);
	if (reading.kind === "login") {
		const back =
			reading.fp === handover.fp || (handover.putBackBegun && descends(handover, reading));
		if (back) showBack(draft, handover, reading, now);
		else keep(draft, handover, now);
		return unlock(draft);
	}
	if (!handover.putBackBegun) {
		// Noted first, and without the locks: a full disk must not hold up claude.
		changeHandover(draft, handover.fp, { putBackBegun: true });
		rememberPc(draft, { mayRestore: [...draft.run.mayRestore, handover.fp] });
		return unlock(draft);
	}
	if (!draft.run.mayRestore.includes(handover.fp) && !showsOurDisarm(handover, reading)) {
		keep(draft, handover, now);
		return unlock(draft);
	}
	draft.underLock.push({ type: "restore-store", store: lock.store, fp: handover.fp });
}

/** If a write into the store was begun by an earlier run, claude may have spent it since. */
function keep(draft: PcDraft, handover: Handover, now: number): void {
	const { fp, host, putBackBegun } = handover;
	const unsure = putBackBegun && !draft.run.mayRestore.includes(fp);
	changeHandover(draft, fp, {
		step: "kept",
		since: now,
		reason: unsure ? "unsure" : handover.reason,
	});
	notePc(draft, "warn", "kept", { fp, host });
}

/** It is in the store already, or what claude has made of it since. */
function showBack(draft: PcDraft, handover: Handover, reading: LoginReading, now: number): void {
	const { account, deadline } = reading.session;
	show(draft, handover.store, { fp: reading.fp, lastFp: undefined, account, deadline });
	know(draft, reading.fp, "own", handover.host, now, handover.reason);
	finishPutBack(draft, handover, now);
}

/** The PC's own again: offered only when a person asks. */
export function finishPutBack(draft: PcDraft, handover: Handover, now: number): void {
	know(draft, handover.fp, "own", handover.host, now, handover.reason);
	changeHandover(draft, handover.fp, { step: "put-back", since: now });
	notePc(draft, "info", "put-back", { fp: handover.fp, host: handover.host });
}
