/** What a look at a store means: a login to offer, a copy that came back, or nothing. */

import { classifyLogin, viewOf } from "./classify-login.ts";
import type { Reading } from "./credentials-file.ts";
import {
	addHandover,
	changePc,
	dropHandover,
	escrowFacts,
	handoverOf,
	isOurs,
	know,
	newHandover,
	notePc,
	type PcDraft,
	rememberPc,
} from "./handover-draft.ts";
import { dedicatedTo, type Handover, type StoreId } from "./handover-state.ts";
import type { Fingerprint } from "./lineage.ts";
import { descends } from "./login-evidence.ts";
import { finishPutBack } from "./put-login-back.ts";

type LoginReading = Extract<Reading, { kind: "login" }>;

export function settleReading(draft: PcDraft, store: StoreId, reading: Reading, now: number): void {
	const before = draft.record.stores[store];
	const verdict = classifyLogin(before, reading, (fp) => isOurs(draft, fp));
	const view = viewOf(before, reading);
	if (view !== undefined && !sameView(view, before)) {
		changePc(draft, { stores: { ...draft.record.stores, [store]: view } });
	}
	switch (verdict) {
		case "unchanged":
			return;
		case "blank":
			return cancelPending(draft, store);
		case "came-back":
			if (reading.kind === "login") {
				rememberPc(draft, { copies: { ...draft.run.copies, [store]: reading.fp } });
			}
			return;
		default:
			if (reading.kind === "login") settleLogin(draft, store, reading, verdict, before?.fp, now);
	}
}

function sameView(a: object, b: object | undefined): boolean {
	return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** Nothing was taken yet: what is gone from the store is not ours to offer. */
function cancelPending(draft: PcDraft, store: StoreId): void {
	for (const handover of pendingFrom(draft, store)) dropHandover(draft, handover.fp);
}

function pendingFrom(draft: PcDraft, store: StoreId): Handover[] {
	return draft.record.handovers.filter(
		(handover) =>
			handover.store === store && (handover.step === "pending" || handover.step === "provisional"),
	);
}

function settleLogin(
	draft: PcDraft,
	store: StoreId,
	reading: LoginReading,
	verdict: "first-sight" | "login" | "rotation" | "provisional",
	before: Fingerprint | undefined,
	now: number,
): void {
	if (settleReturned(draft, store, reading, verdict, now)) return;
	const pending = pendingFrom(draft, store);
	const host = dedicatedTo(store);
	if (host !== undefined) {
		cancelPending(draft, store);
		const known = before === undefined ? undefined : draft.record.known[before];
		if (verdict === "rotation" && known?.was === "own")
			return know(draft, reading.fp, "own", host, now, known.reason);
		if (draft.record.known[reading.fp] === undefined) offer(draft, store, reading, host, true, now);
		return;
	}
	const followed =
		verdict === "login" ? undefined : pending.find((handover) => handover.fp === before);
	if (verdict === "rotation" && followed === undefined) return;
	cancelPending(draft, store);
	const { permit, known } = draft.record;
	const wanted = followed ?? permit;
	if (wanted === undefined || verdict === "first-sight" || known[reading.fp] !== undefined) return;
	// On its way already, from another store that shows it too: one login goes to one host.
	if (handoverOf(draft, reading.fp) !== undefined) return;
	// What may as well be another login waits for the person's word: also an older one, put back.
	const isSure = verdict === "login" || (followed !== undefined && descends(followed, reading));
	const step = isSure ? (followed?.step ?? "pending") : "provisional";
	const facts = escrowFacts(reading.session, wanted.host, store);
	addHandover(draft, newHandover(facts, step, wanted.replace, now));
	if (followed === undefined)
		notePc(draft, "info", "login-seen", { fp: reading.fp, host: wanted.host });
}

function offer(
	draft: PcDraft,
	store: StoreId,
	reading: LoginReading,
	host: string,
	replace: boolean,
	now: number,
): void {
	if (handoverOf(draft, reading.fp) !== undefined) return;
	addHandover(
		draft,
		newHandover(escrowFacts(reading.session, host, store), "pending", replace, now),
	);
	notePc(draft, "info", "login-seen", { fp: reading.fp, host });
}

/** A login that was kept, or was being put back, is in the store again: its escrow is a spare copy. */
function settleReturned(
	draft: PcDraft,
	store: StoreId,
	reading: LoginReading,
	verdict: string,
	now: number,
): boolean {
	const handover = handoverOf(draft, reading.fp);
	if (handover?.step === "put-back") return true;
	if (handover?.step !== "kept" && handover?.step !== "putting-back") return false;
	if (handover.store !== store || verdict === "came-back") return false;
	finishPutBack(draft, handover, now);
	return true;
}

/** A person asks to hand over what the store holds now. */
export function askHandover(
	draft: PcDraft,
	host: string,
	store: StoreId,
	reading: Reading,
	replace: boolean,
	now: number,
): void {
	settleReading(draft, store, reading, now);
	if (reading.kind !== "login" || isOurs(draft, reading.fp)) return;
	const handover = handoverOf(draft, reading.fp);
	if (handover !== undefined && !mayOfferAgain(handover)) return;
	const { [reading.fp]: _own, ...known } = draft.record.known;
	changePc(draft, { known });
	addHandover(
		draft,
		newHandover(escrowFacts(reading.session, host, store), "pending", replace, now),
	);
}

/** Nothing was taken, or it is in the store again: its escrow, if any, is a spare copy. */
function mayOfferAgain({ step }: Handover): boolean {
	return step === "pending" || step === "provisional" || step === "put-back";
}
