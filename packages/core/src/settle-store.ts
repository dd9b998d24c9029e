/**
 * What a look at a store means, and what is done under claude's locks: take, put back, disarm.
 */

import { backoffDelay, STORE_BACKOFF } from "./backoff.ts";
import { classifyLogin, isSameLogin, type StoreView, viewOf } from "./classify-login.ts";
import type { Reading } from "./credentials-file.ts";
import {
	addHandover,
	changeHandover,
	changePc,
	dropHandover,
	escrowFacts,
	forgetWait,
	handoverOf,
	isOurs,
	know,
	newHandover,
	notePc,
	type PcDraft,
	rememberPc,
} from "./handover-draft.ts";
import {
	dedicatedTo,
	type Handover,
	NO_WAIT,
	NORMAL_STORE,
	type StoreId,
	type StoreLock,
} from "./handover-state.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import type { ArmedSession } from "./session.ts";

type LoginReading = Extract<Reading, { kind: "login" }>;

// A look

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
		const isOwn = before !== undefined && draft.record.known[before]?.was === "own";
		if (verdict === "rotation" && isOwn) return know(draft, reading.fp, "own", host, now);
		if (draft.record.known[reading.fp] === undefined) offer(draft, store, reading, host, true, now);
		return;
	}
	const followed = pending.find((handover) => handover.fp === before);
	if (verdict === "rotation") {
		if (followed === undefined) return;
		dropHandover(draft, followed.fp);
		const facts = escrowFacts(reading.session, followed.host, store);
		return addHandover(draft, newHandover(facts, followed.step, followed.replace, now));
	}
	cancelPending(draft, store);
	const { permit, known } = draft.record;
	if (permit === undefined || verdict === "first-sight" || known[reading.fp] !== undefined) return;
	const step = verdict === "provisional" ? "provisional" : "pending";
	const facts = escrowFacts(reading.session, permit.host, store);
	addHandover(draft, newHandover(facts, step, permit.replace, now));
	notePc(draft, "info", "login-seen", { fp: reading.fp, host: permit.host });
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

// Under the locks

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

function unlock(draft: PcDraft): void {
	const { lock } = draft.run;
	if (lock === undefined) return;
	rememberPc(draft, { lock: undefined });
	if (lock.held) draft.first.push({ type: "unlock-store", id: lock.id, store: lock.store });
}

/** Compare, write the escrow, disarm: the three stand together under one hold of the locks. */
function take(draft: PcDraft, lock: StoreLock, reading: Reading, now: number): void {
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

/** The access token we left in the file shows our hand; a dedicated folder is nobody else's. */
function showsOurDisarm(handover: Handover, reading: Reading): boolean {
	if (reading.kind !== "blank") return false;
	if (dedicatedTo(handover.store) !== undefined) return true;
	const left = reading.session?.accessToken;
	return left !== undefined && fingerprint(left) === handover.accessFp;
}

/** A rotation of this very login, by claude. */
function descends(handover: Handover, reading: Reading): boolean {
	return reading.kind === "login" && isSameLogin(handover, reading.session);
}

/** In transit from now on; the permit that let it is used up. */
function becomeTaken(draft: PcDraft, handover: Handover, now: number): void {
	changeHandover(draft, handover.fp, { step: "taken", since: now });
	forgetWait(draft, handover.fp);
	showBlank(draft, handover.store, handover.fp);
	if (handover.store === NORMAL_STORE && draft.record.permit?.host === handover.host) {
		changePc(draft, { permit: undefined });
	}
	notePc(draft, "info", "taken", { fp: handover.fp, host: handover.host });
}

/** Only into a blank store: a login found there is another's, or is this one already. */
function putBack(draft: PcDraft, lock: StoreLock, reading: Reading, now: number): void {
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
	know(draft, reading.fp, "own", handover.host, now);
	finishPutBack(draft, handover, now);
}

/** The PC's own again: offered only when a person asks. */
function finishPutBack(draft: PcDraft, handover: Handover, now: number): void {
	know(draft, handover.fp, "own", handover.host, now);
	changeHandover(draft, handover.fp, { step: "put-back", since: now });
	notePc(draft, "info", "put-back", { fp: handover.fp, host: handover.host });
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

/** What follows its write in the list was reached, so it is there. */
export function haveEscrow(draft: PcDraft, fp: Fingerprint): void {
	rememberPc(draft, { escrows: [...new Set([...draft.run.escrows, fp])] });
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

/** What we emptied ourselves is known to be empty before the next look. */
function showBlank(draft: PcDraft, store: StoreId, fp: Fingerprint): void {
	show(draft, store, { fp: undefined, lastFp: fp, account: undefined, deadline: undefined });
}

function show(draft: PcDraft, store: StoreId, view: StoreView): void {
	changePc(draft, { stores: { ...draft.record.stores, [store]: view } });
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

export function eraseEscrow(draft: PcDraft, fp: Fingerprint): void {
	rememberPc(draft, { erasing: [...draft.run.erasing, fp] });
	draft.effects.push({ type: "erase-escrow", fp });
}
