/**
 * Deliberate faults, each the real rules with one of them broken. A simulator that lets one pass is not
 * finished.
 */

import type { CustodyRecord, CustodyState, Lineage, Phase } from "@baton/core/custody-state";
import { intentAt } from "@baton/core/custody-state";
import type { CustodyEvent } from "@baton/core/decide-custody";
import type { HandoverDecision, HandoverEvent } from "@baton/core/decide-handover";
import type { Handover, PcState } from "@baton/core/handover-state";
import { lineageIdOf } from "@baton/core/lineage";
import { REAL_RULES, type Rules } from "./rules.ts";

export interface Mutant {
	readonly name: string;
	readonly rules: Rules;
}

const real = REAL_RULES;

export const MUTANTS: readonly Mutant[] = [
	mutant("publish before persist", { reorder: publishFirst }),
	mutant("no journal", { reorder: dropJournal }),
	mutant("blind replay", {
		startCustody: (record, ...rest) => real.startCustody(withoutDoubt(record), ...rest),
	}),
	mutant("retired token accepted", {
		decideCustody: (state, event, now) => real.decideCustody(forgetting(state, event), event, now),
	}),
	mutant("erase on staged", {
		decideHandover: (state, event, now) => real.decideHandover(state, stagedAsClaimed(event), now),
	}),
	mutant("take-back without withdraw", {
		decideHandover: (state, event, now) => real.decideHandover(state, forced(event), now),
	}),
	mutant("stale escrow kept", {
		decideHandover: (state, event, now) =>
			real.decideHandover(trustingEscrow(state, event), event, now),
	}),
	mutant("stale lock broken", { breaksLocksOfTheLiving: true }),
	mutant("probe too early", { custody: withTiming({ requestLimit: 0 }) }),
	mutant("one 401 believed", {
		decideCustody: (state, event, now) =>
			real.decideCustody(believing(state, event, now), event, now),
	}),
	mutant("late decline obeyed", {
		decideHandover: (state, event, now) => real.decideHandover(obeying(state, event), event, now),
	}),
	mutant("permit not used up", {
		decideHandover: (state, event, now) =>
			keepingPermit(state, real.decideHandover(state, event, now)),
	}),
	mutant("two refreshers", { twoServices: true }),
	mutant("import claimed while armed", {
		decideCustody: (state, event, now) => real.decideCustody(trustingFile(state), event, now),
	}),
	mutant("revoked and refreshed", {
		decideCustody: (state, event, now) => real.decideCustody(unrevoked(state), event, now),
	}),
	mutant("foreign login overwritten", {
		judgeSinkFile: (facts) => {
			const verdict = real.judgeSinkFile(facts);
			return verdict.kind === "foreign" ? { kind: "write" } : verdict;
		},
	}),
];

function mutant(name: string, fault: Partial<Rules>): Mutant {
	return { name, rules: { ...REAL_RULES, ...fault } };
}

function withTiming(timing: Partial<Rules["custody"]["timing"]>): Rules["custody"] {
	return { ...real.custody, timing: { ...real.custody.timing, ...timing } };
}

function publishFirst<E extends { readonly type: string }>(effects: readonly E[]): readonly E[] {
	const isPublish = (effect: E) => effect.type === "publish";
	return [...effects.filter(isPublish), ...effects.filter((effect) => !isPublish(effect))];
}

function dropJournal<E extends { readonly type: string }>(effects: readonly E[]): readonly E[] {
	if (!effects.some(({ type }) => type === "refresh")) return effects;
	return effects.filter(({ type }) => type !== "persist");
}

/** Picks up after a crash as if nothing had been under way. */
function withoutDoubt(record: CustodyRecord): CustodyRecord {
	const calm = (lineage: Lineage | undefined, phase: Phase) =>
		lineage !== undefined && intentAt(lineage.phase) !== undefined
			? { ...lineage, phase }
			: lineage;
	return {
		...record,
		current: calm(record.current, { name: "held" }),
		staged: calm(record.staged, { name: "staged", served: false }),
	};
}

/** Remembers nothing of the login it is offered. */
function forgetting(state: CustodyState, event: CustodyEvent): CustodyState {
	if (event.type !== "request" || !("fp" in event.request)) return state;
	const { [event.request.fp]: _forgotten, ...past } = state.record.past;
	const { [lineageIdOf(event.request.fp)]: _known, ...lineages } = state.record.lineages;
	return { ...state, record: { ...state.record, past, lineages } };
}

function stagedAsClaimed(event: HandoverEvent): HandoverEvent {
	if (event.type !== "answer" || event.answer.type !== "staged") return event;
	const { answer } = event;
	const told = { lineageId: lineageIdOf(answer.fp), generation: 1, proof: answer.fp };
	return { ...event, answer: { ...answer, type: "claimed", ...told } };
}

function forced(event: HandoverEvent): HandoverEvent {
	return event.type === "take-back-asked" ? { ...event, force: true } : event;
}

/** A take that was cut short is taken for done, whatever the store shows. */
function trustingEscrow(state: PcState, event: HandoverEvent): PcState {
	const fp = state.run.lock?.fp;
	if (event.type !== "store-locked" || fp === undefined || !state.run.escrows.includes(fp))
		return state;
	return withStep(state, (one) => one.fp === fp && one.step === "taking", "taken");
}

function obeying(state: PcState, event: HandoverEvent): PcState {
	if (event.type !== "answer" || event.answer.type !== "decline") return state;
	const { fp } = event.answer;
	return withStep(state, (one) => one.fp === fp && one.step === "taken", "putting-back");
}

function withStep(
	state: PcState,
	which: (handover: Handover) => boolean,
	step: Handover["step"],
): PcState {
	const handovers = state.record.handovers.map((one) => (which(one) ? { ...one, step } : one));
	return { ...state, record: { ...state.record, handovers } };
}

function believing(state: CustodyState, event: CustodyEvent, now: number): CustodyState {
	const { operation, probes } = state.run;
	if (event.type !== "probed" || event.outcome.kind !== "dead" || operation?.kind !== "probe")
		return state;
	const before = probes[operation.access];
	if (before?.deadSince !== undefined) return state;
	const seen = {
		goodAt: before?.goodAt,
		deadSince: now - state.rules.timing.deadConfirm,
		dead: false,
		silent: 0,
		nextAt: now,
	};
	return { ...state, run: { ...state.run, probes: { ...probes, [operation.access]: seen } } };
}

/** A login that is imported is taken to lie nowhere else. */
function trustingFile(state: CustodyState): CustodyState {
	const { staged } = state.record;
	if (staged?.imported === undefined) return state;
	const imported = { ...staged.imported, state: "disarmed" as const };
	return { ...state, record: { ...state.record, staged: { ...staged, imported } } };
}

/** A wish to end a login is forgotten while the provider is out of reach. */
function unrevoked(state: CustodyState): CustodyState {
	const { current } = state.record;
	if (current?.phase.name !== "revoking" || state.run.operation !== undefined) return state;
	const held = { ...current, phase: { name: "held" } as const };
	return { ...state, record: { ...state.record, current: held } };
}

function keepingPermit(before: PcState, decision: HandoverDecision): HandoverDecision {
	const { state } = decision;
	const { permit } = before.record;
	const taken = state.record.handovers.some(
		({ fp, step }) =>
			step === "taken" &&
			before.record.handovers.some((one) => one.fp === fp && one.step === "taking"),
	);
	if (permit === undefined || !taken) return decision;
	const record = { ...state.record, permit };
	const effects = decision.effects.map((effect) =>
		effect.type === "persist-pc" ? { ...effect, record } : effect,
	);
	return { state: { ...state, record }, effects };
}
