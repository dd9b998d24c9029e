/** Letting go of a store under claude's locks, and what is known of it afterwards. */

import { backoffDelay, STORE_BACKOFF } from "./backoff.ts";
import type { StoreView } from "./classify-login.ts";
import { changePc, notePc, type PcDraft, rememberPc } from "./handover-draft.ts";
import { NO_WAIT, type StoreId } from "./handover-state.ts";
import type { Fingerprint } from "./lineage.ts";

/** The locks are held by another, or what was to be done under them failed: later, then. */
export function giveUpLock(draft: PcDraft, now: number, random: number): void {
	const { lock, lockWaits } = draft.run;
	unlock(draft);
	if (lock === undefined) return;
	const attempts = (lockWaits[lock.store] ?? NO_WAIT).attempts + 1;
	const at = now + backoffDelay(STORE_BACKOFF, attempts, random);
	rememberPc(draft, { lockWaits: { ...lockWaits, [lock.store]: { attempts, at } } });
	if (attempts === 3) notePc(draft, "warn", "store-busy");
}

export function unlock(draft: PcDraft): void {
	const { lock } = draft.run;
	if (lock === undefined) return;
	rememberPc(draft, { lock: undefined });
	if (lock.held) draft.first.push({ type: "unlock-store", id: lock.id, store: lock.store });
}

/** What follows its write in the list was reached, so it is there. */
export function haveEscrow(draft: PcDraft, fp: Fingerprint): void {
	rememberPc(draft, { escrows: [...new Set([...draft.run.escrows, fp])] });
}

/** What we emptied ourselves is known to be empty before the next look. */
export function showBlank(draft: PcDraft, store: StoreId, fp: Fingerprint): void {
	show(draft, store, { fp: undefined, lastFp: fp, account: undefined, deadline: undefined });
}

export function show(draft: PcDraft, store: StoreId, view: StoreView): void {
	changePc(draft, { stores: { ...draft.record.stores, [store]: view } });
}
