/**
 * The PC's state machine: `(state, event, now) → { state, effects }`.
 *
 * A hand-over goes pending → taking → taken → claimed and is gone; the ways back are putting-back →
 * put-back, kept, and sealed. As in custody, one persist comes before everything else a decision asks
 * for, so each step is durable before the next one begins. Only claude's locks are let go of before
 * that: a disk that is full for an hour must not stop claude for an hour.
 */

import { STORE_BACKOFF } from "./backoff.ts";
import type { Reading } from "./credentials-file.ts";
import type { Decision, HandoverEffect } from "./effect.ts";
import {
	addHandover,
	avoidHost,
	changeHandover,
	changePc,
	dropHandover,
	eraseEscrow,
	handoverOf,
	hasten,
	know,
	newHandover,
	notePc,
	type PcDraft,
	postpone,
	rememberPc,
} from "./handover-draft.ts";
import {
	type EscrowFacts,
	freshPcRun,
	type Handover,
	type Host,
	type Known,
	type PcRecord,
	type PcRules,
	type PcState,
	type StoreId,
} from "./handover-state.ts";
import type { Fingerprint } from "./lineage.ts";
import { planDiscards, planErasures, planLock, planRequest } from "./plan-handover.ts";
import type { Answer } from "./protocol.ts";
import { openHostPermit, settleAnswer } from "./settle-answer.ts";
import { askHandover, settleReading } from "./settle-reading.ts";
import { settleDisarmed, settleLocked, settleRestored } from "./settle-store.ts";
import { giveUpLock, haveEscrow } from "./store-lock.ts";

/** Every `random` is from 0 to 1. */
export type HandoverEvent =
	| { readonly type: "tick"; readonly random: number }
	/** A look at a store, in the order of the looks. */
	| {
			readonly type: "store-read";
			readonly store: StoreId;
			readonly reading: Reading;
			/** The id of the `read-store` this answers, if it was asked for. */
			readonly look?: number;
			readonly random: number;
	  }
	/** Held from now on, until `unlock-store`. */
	| {
			readonly type: "store-locked";
			readonly id: number;
			readonly reading: Reading;
			readonly random: number;
	  }
	| { readonly type: "store-busy"; readonly id: number; readonly random: number }
	| { readonly type: "disarmed"; readonly fp: Fingerprint; readonly random: number }
	| { readonly type: "restored"; readonly fp: Fingerprint; readonly random: number }
	| { readonly type: "escrow-erased"; readonly fp: Fingerprint; readonly random: number }
	/** An effect failed, and with it the rest of its list. */
	| {
			readonly type: "effect-failed";
			readonly effect: "write-escrow" | "disarm-store" | "restore-store" | "erase-escrow";
			readonly fp: Fingerprint;
			readonly why: string;
			readonly random: number;
	  }
	| {
			readonly type: "answer";
			readonly host: Host;
			readonly answer: Answer;
			readonly random: number;
	  }
	| {
			readonly type: "link-failed";
			readonly host: Host;
			readonly requestId: string;
			readonly why: string;
			readonly random: number;
	  }
	/** The machine woke, or the network came: ask every host now. */
	| { readonly type: "woken"; readonly random: number }
	/** A person gives leave for the next login in the normal store. */
	| {
			readonly type: "permit-asked";
			readonly host: Host;
			readonly replace: boolean;
			readonly reading: Reading;
			readonly random: number;
	  }
	/** A person asks to hand over what a store holds now. */
	| {
			readonly type: "handover-asked";
			readonly host: Host;
			readonly store: StoreId;
			readonly replace: boolean;
			readonly reading: Reading;
			readonly random: number;
	  }
	/** A person wants it back; `force` for a host that is gone. */
	| {
			readonly type: "take-back-asked";
			readonly host: Host;
			readonly force: boolean;
			readonly random: number;
	  };

export type HandoverDecision = Decision<PcState, HandoverEffect>;

/**
 * The first decision of a run.
 *
 * @param escrows what lies in escrow; one that no hand-over knows of is in transit all the same
 */
export function startHandover(
	record: PcRecord,
	escrows: readonly EscrowFacts[],
	rules: PcRules,
	runId: string,
	now: number,
): HandoverDecision {
	const run = freshPcRun(
		runId,
		escrows.map(({ fp }) => fp),
	);
	const draft: PcDraft = { record, run, rules, first: [], effects: [], underLock: [] };
	for (const facts of escrows) {
		if (handoverOf(draft, facts.fp) === undefined) {
			addHandover(draft, newHandover(facts, "taken", true, now));
		}
	}
	return conclude({ record, run, rules }, draft, now);
}

export function decideHandover(
	state: PcState,
	event: HandoverEvent,
	now: number,
): HandoverDecision {
	const draft: PcDraft = {
		record: state.record,
		run: state.run,
		rules: state.rules,
		first: [],
		effects: [],
		underLock: [],
	};
	settle(draft, event, now);
	return conclude(state, draft, now);
}

function settle(draft: PcDraft, event: HandoverEvent, now: number): void {
	const { lock } = draft.run;
	switch (event.type) {
		case "tick":
			return;
		case "woken":
			return rememberPc(draft, { statusAt: {}, links: {}, waits: {}, lockWaits: {} });
		case "store-read":
			settleReading(draft, event.store, event.reading, now);
			return openHostPermit(draft, event.look, event.reading.kind !== "unreadable", now);
		case "store-locked":
			return lock?.id === event.id
				? settleLocked(draft, lock, event.reading, now, event.random)
				: undefined;
		case "store-busy":
			return lock?.id === event.id ? giveUpLock(draft, now, event.random) : undefined;
		case "disarmed":
			return settleDisarmed(draft, event.fp, now);
		case "restored":
			return settleRestored(draft, event.fp, now);
		case "escrow-erased":
			return settleErased(draft, event.fp);
		case "effect-failed":
			return settleFailure(draft, event, now);
		case "answer":
			return settleAnswer(draft, event.host, event.answer, now, event.random);
		case "link-failed":
			return settleLinkFailure(draft, event, now);
		case "permit-asked":
			return openPermit(draft, event, now);
		case "handover-asked": {
			const { host, store, reading, replace } = event;
			hastenHost(draft, host);
			askHandover(draft, host, store, reading, replace, now);
			return replace ? replaceFromTransit(draft, host) : undefined;
		}
		case "take-back-asked":
			return settleTakeBack(draft, event.host, event.force, now);
	}
}

/** Nothing of this login is left here: tell the host, if it is the host that has it. */
function settleErased(draft: PcDraft, fp: Fingerprint): void {
	const { escrows, erasing, confirms } = draft.run;
	rememberPc(draft, {
		escrows: escrows.filter((one) => one !== fp),
		erasing: erasing.filter((one) => one !== fp),
	});
	const handover = handoverOf(draft, fp);
	if (handover === undefined || !isEnding(handover)) return;
	if (handover.step === "claimed")
		rememberPc(draft, { confirms: { ...confirms, [fp]: handover.host } });
	dropHandover(draft, fp);
}

function isEnding({ step }: Handover): boolean {
	return step === "claimed" || step === "put-back" || step === "discarding";
}

function settleFailure(
	draft: PcDraft,
	event: Extract<HandoverEvent, { type: "effect-failed" }>,
	now: number,
): void {
	const { effect, fp, why, random } = event;
	notePc(draft, "warn", "disk-failed", { fp, reason: why });
	if (effect === "disarm-store" && draft.run.lock?.purpose === "take") haveEscrow(draft, fp);
	// Written in part, or whole and not surely durable: nobody may take it for a login in transit.
	if (effect === "write-escrow") eraseEscrow(draft, fp);
	if (effect !== "erase-escrow") return giveUpLock(draft, now, random);
	rememberPc(draft, { erasing: draft.run.erasing.filter((one) => one !== fp) });
	postpone(draft, fp, STORE_BACKOFF, now, random);
}

function settleLinkFailure(
	draft: PcDraft,
	event: Extract<HandoverEvent, { type: "link-failed" }>,
	now: number,
): void {
	const { host, requestId, why, random } = event;
	if (draft.run.outstanding[host]?.id !== requestId) return;
	const { [host]: _failed, ...outstanding } = draft.run.outstanding;
	rememberPc(draft, { outstanding });
	const attempts = avoidHost(draft, host, now, random);
	if (attempts === 1) notePc(draft, "warn", "host-unreachable", { host, reason: why });
}

/** What the store holds now was there before the permit, and is not meant by it. */
function openPermit(
	draft: PcDraft,
	event: Extract<HandoverEvent, { type: "permit-asked" }>,
	now: number,
): void {
	const { host, replace, reading } = event;
	settleReading(draft, "normal", reading, now);
	changePc(draft, { permit: { host, by: "person", since: now, replace } });
	notePc(draft, "info", "permit-opened", { host });
}

/** Leave to push out what the host holds, given while the login is already on its way. */
function replaceFromTransit(draft: PcDraft, host: Host): void {
	for (const { fp, step } of draft.record.handovers.filter((one) => one.host === host)) {
		if (step !== "taken") continue;
		changeHandover(draft, fp, { replace: true });
	}
}

/** A person is waiting: what failed a while ago is tried again at once. */
function hastenHost(draft: PcDraft, host: Host): void {
	const { [host]: _link, ...links } = draft.run.links;
	rememberPc(draft, { links, lockWaits: {} });
	for (const { fp } of draft.record.handovers.filter((one) => one.host === host)) hasten(draft, fp);
}

function settleTakeBack(draft: PcDraft, host: Host, force: boolean, now: number): void {
	hastenHost(draft, host);
	if (draft.record.permit?.host === host) changePc(draft, { permit: undefined });
	for (const handover of draft.record.handovers.filter((one) => one.host === host)) {
		takeBackOne(draft, handover, force, now);
	}
}

function takeBackOne(draft: PcDraft, handover: Handover, force: boolean, now: number): void {
	const { fp, host, step } = handover;
	const untouched =
		step === "taking" && draft.run.lock?.fp !== fp && !draft.run.escrows.includes(fp);
	if (step === "pending" || step === "provisional" || untouched) {
		know(draft, fp, "own", host, now);
		return dropHandover(draft, fp);
	}
	// Where it cannot be told whether claude has spent it since, only force brings it back.
	if (step === "kept" && (force || handover.reason !== "unsure")) {
		if (force) rememberPc(draft, { mayRestore: [...draft.run.mayRestore, fp] });
		return changeHandover(draft, fp, { step: "putting-back", since: now });
	}
	if (step !== "taken" && step !== "taking") return;
	if (step === "taken" && force) {
		notePc(draft, "warn", "forced-back", { fp, host });
		owePromise(draft, handover, now);
		return changeHandover(draft, fp, { step: "putting-back", reason: "forced", since: now });
	}
	changeHandover(draft, fp, { takeBack: "asked" });
	hasten(draft, fp);
}

/** A host that comes back after all may still hold the login unclaimed: it is to leave it so. */
function owePromise(draft: PcDraft, { fp, host }: Handover, now: number): void {
	const own: Known = { host, was: "own", at: now, reason: "forced", toWithdraw: true };
	changePc(draft, { known: { ...draft.record.known, [fp]: own } });
}

// Starting what is next

function conclude(before: PcState, draft: PcDraft, now: number): HandoverDecision {
	for (const fp of planDiscards(draft, now))
		changeHandover(draft, fp, { step: "discarding", since: now });
	for (const fp of planErasures(draft, now)) eraseEscrow(draft, fp);
	startLock(draft, now);
	for (const host of Object.keys(draft.rules.hosts)) startRequest(draft, host, now);
	const { record, run, rules } = draft;
	const persist: HandoverEffect[] =
		record === before.record ? [] : [{ type: "persist-pc", record }];
	return {
		state: { record, run, rules },
		effects: [...draft.first, ...persist, ...draft.effects, ...draft.underLock],
	};
}

function startLock(draft: PcDraft, now: number): void {
	const plan = planLock(draft, now);
	if (plan === undefined) return;
	const id = draft.run.nextId;
	rememberPc(draft, { nextId: id + 1, lock: { ...plan, id, held: false } });
	draft.effects.push({ type: "lock-store", id, store: plan.store, purpose: plan.purpose });
}

function startRequest(draft: PcDraft, host: Host, now: number): void {
	const request = planRequest(draft, host, now);
	if (request === undefined) return;
	const fp = "fp" in request ? request.fp : undefined;
	rememberPc(draft, {
		nextId: draft.run.nextId + 1,
		outstanding: { ...draft.run.outstanding, [host]: { id: request.id, type: request.type, fp } },
	});
	// A nonce serves one Deliver; if that is lost, custody is asked first.
	if (request.type === "deliver") {
		const { [request.fp]: _used, ...nonces } = draft.run.nonces;
		rememberPc(draft, { nonces });
	}
	if (request.type === "offer") {
		const { [request.fp]: _asked, ...unknown } = draft.run.unknown;
		rememberPc(draft, { unknown });
	}
	draft.effects.push({ type: "send", host, request });
}
