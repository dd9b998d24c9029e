/**
 * The custodian's state machine: `(state, event, now) → { state, effects }`.
 *
 * Each decision first settles what the event tells, then starts at most one operation. All changes of
 * the record go into one persist, which comes before everything else the decision asks for; so nothing
 * is published, answered or sent before it is durable.
 */

import { answerRequest, type RequestEvent } from "./answer-request.ts";
import { askRefresh, dropAsk, lapseAsk } from "./ask-refresh.ts";
import { backoffDelay, SINK_BACKOFF } from "./backoff.ts";
import { change, changeLineage, type Draft, enter, note, remember } from "./custody-draft.ts";
import {
	CLEARED,
	type CustodyRecord,
	type CustodyRules,
	type CustodyState,
	freshRun,
	isLost,
	type Lineage,
	NO_RETRY,
	type Operation,
	type QuietPhase,
	type Retry,
	type Role,
	type Run,
	servedToken,
} from "./custody-state.ts";
import { deadlineWarning, isNewWarning } from "./deadline-warning.ts";
import type { CustodyEffect, Decision } from "./effect.ts";
import { heedDeferred } from "./heed-witness.ts";
import { type DisarmOutcome, type ImportEvent, importLogin, settleDisarm } from "./import-login.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import type { HarvestOutcome, ProbeOutcome, RefreshOutcome } from "./oauth.ts";
import { planCustody, type Step } from "./plan-custody.ts";
import { NO_SIGHT, setBack } from "./provider-clock.ts";
import { refuseStaged } from "./refuse-staged.ts";
import { withinBounds } from "./remembered-past.ts";
import { askRevoke, beginRevoking, isLoggedOut, settleRevocation } from "./revoke-login.ts";
import type { RevokeOutcome } from "./revoke-verdict.ts";
import { isArmed } from "./session.ts";
import { phaseBefore, settleHarvest } from "./settle-harvest.ts";
import { settleLearning, settleProbe } from "./settle-probe.ts";
import { enterDoubt, makeCurrent, nameOf, settleRefresh, settleSpent } from "./settle-refresh.ts";

/** Every `random` is from 0 to 1. */
export type CustodyEvent =
	| RequestEvent
	| { readonly type: "tick"; readonly random: number }
	| {
			readonly type: "probed";
			readonly id: number;
			readonly outcome: ProbeOutcome;
			readonly random: number;
	  }
	/** How many sinks could be written, of how many. */
	| {
			readonly type: "sinks-proved";
			readonly id: number;
			readonly writable: number;
			readonly total: number;
			readonly random: number;
	  }
	| {
			readonly type: "harvested";
			readonly id: number;
			readonly outcome: HarvestOutcome;
			readonly random: number;
	  }
	| {
			readonly type: "refreshed";
			readonly id: number;
			readonly outcome: RefreshOutcome;
			readonly random: number;
	  }
	| ImportEvent
	| {
			readonly type: "source-disarmed";
			readonly id: number;
			readonly outcome: DisarmOutcome;
			readonly random: number;
	  }
	/** The wall clock and the monotonic clock parted by so many ms: sleep, or a step. */
	| { readonly type: "clock-jumped"; readonly by: number; readonly random: number }
	/** Every sink holds this access token. */
	| { readonly type: "sinks-confirmed"; readonly access: Fingerprint; readonly random: number }
	/** A person or program asks for a refresh now; with `force` however young the token is. */
	| {
			readonly type: "refresh-asked";
			readonly key: string;
			readonly force: boolean;
			readonly random: number;
	  }
	/** A person asks for the current login to be ended for good. */
	| { readonly type: "revoke-asked"; readonly key: string; readonly random: number }
	| {
			readonly type: "revoked";
			readonly id: number;
			readonly outcome: RevokeOutcome;
			readonly random: number;
	  }
	/** A person has forgotten this device: no place is kept for it. */
	| { readonly type: "device-forgotten"; readonly device: string; readonly random: number };

export type CustodyDecision = Decision<CustodyState, CustodyEffect>;

/** The first decision of a run: an intent found open is in doubt, and nothing is verified yet. */
export function startCustody(
	record: CustodyRecord,
	rules: CustodyRules,
	now: number,
	random: number,
): CustodyDecision {
	const run = { ...freshRun(now), refreshRetry: retriesAfterBreak(record, now) };
	const draft: Draft = { record, run, rules, effects: [] };
	for (const role of ["current", "staged"] as const) {
		const lineage = record[role];
		if (lineage?.phase.name === "refreshing") enterDoubt(draft, role, lineage, now);
	}
	// Nobody delivers a login again that was imported.
	if (record.staged?.imported !== undefined) remember(draft, { armed: record.staged.firstFp });
	return conclude({ record, run: draft.run, rules }, draft, now, random);
}

export function decideCustody(
	state: CustodyState,
	event: CustodyEvent,
	now: number,
): CustodyDecision {
	const draft: Draft = { record: state.record, run: state.run, rules: state.rules, effects: [] };
	settle(draft, event, now);
	return conclude(state, draft, now, event.random);
}

function settle(draft: Draft, event: CustodyEvent, now: number): void {
	switch (event.type) {
		case "tick":
			return;
		case "request":
			return answerRequest(draft, event, now);
		case "import":
			return importLogin(draft, event, now);
		case "clock-jumped":
			if (event.by < 0) setBack(draft, -event.by);
			// What was seen and promised before no longer holds: this may be a copy of a sleeping machine.
			return remember(draft, {
				since: now,
				// A look that was begun before the jump tells of the time before it.
				operation: voidLook(draft.run.operation),
				unbroken: false,
				verified: undefined,
				witnessAgrees: false,
				probes: {},
				clock: NO_SIGHT,
				sinks: undefined,
				sinkRetry: NO_RETRY,
				refreshRetry: retriesAfterBreak(draft.record, now),
				asked: undefined,
				replaced: undefined,
				harvested: lookAgain(draft.run.harvested),
			});
		case "refresh-asked":
			return askRefresh(draft, event.key, event.force, now);
		case "revoke-asked":
			return askRevoke(draft, event.key, now);
		case "device-forgotten":
			return forgetDevice(draft, event.device);
		case "sinks-confirmed":
			return letGo(draft, event.access);
		default:
			return settleOperation(draft, event, now);
	}
}

/** Failures are forgotten at a start or a jump of the clock; what the provider asked for is not. */
function retriesAfterBreak(record: CustodyRecord, now: number): Run["refreshRetry"] {
	return { current: retryOf(record.current, now), staged: retryOf(record.staged, now) };
}

/** By a clock that has stepped back to before it was heard, nobody knows how long it holds. */
function retryOf(lineage: Lineage | undefined, now: number): Retry {
	const wait = lineage?.askedToWait;
	if (wait === undefined || now < wait.heardAt || now >= wait.until) return NO_RETRY;
	return { failures: 1, at: wait.until, why: wait.why };
}

function voidLook(operation: Operation | undefined): Operation | undefined {
	if (operation === undefined) return undefined;
	return NO_LOOKS.includes(operation.kind) ? operation : { kind: "void", id: operation.id };
}

/** What they bring or bring about is true after a jump as before. */
const NO_LOOKS: readonly Operation["kind"][] = ["refresh", "harvest", "revoke"];

/** An engine that still ran is looked for again at once: by which clock its turn was set is not known. */
function lookAgain({ current, staged }: Run["harvested"]): Run["harvested"] {
	return { current: { ...current, nextAt: 0 }, staged: { ...staged, nextAt: 0 } };
}

type OutcomeEvent = Extract<CustodyEvent, { id: number }>;

/** An outcome that is not of the operation under way is late news from nowhere, and is dropped. */
function settleOperation(draft: Draft, event: OutcomeEvent, now: number): void {
	const { operation } = draft.run;
	if (operation?.id !== event.id) return;
	remember(draft, { operation: undefined });
	settleOutcome(draft, operation, event, now);
	heedDeferred(draft, now);
	beginRevoking(draft, now);
}

function settleOutcome(draft: Draft, operation: Operation, event: OutcomeEvent, now: number): void {
	if (event.type === "probed" && operation.kind === "probe") {
		return settleProbe(draft, operation, event.outcome, now, event.random);
	}
	if (event.type === "probed" && operation.kind === "learn")
		return settleLearning(draft, event.outcome, now);
	if (event.type === "sinks-proved" && operation.kind === "prove")
		return settleProof(draft, event, now);
	if (event.type === "refreshed" && operation.kind === "refresh") {
		return settleRefresh(draft, operation.role, event.outcome, now, event.random);
	}
	if (event.type === "source-disarmed" && operation.kind === "disarm") {
		if (draft.record.staged?.fp !== operation.fp) return;
		return settleDisarm(draft, operation, event.outcome, now, event.random);
	}
	if (event.type === "revoked" && operation.kind === "revoke") {
		return settleRevocation(draft, event.outcome, now, event.random);
	}
	if (event.type === "harvested" && operation.kind === "harvest") {
		return settleHarvest(draft, operation.role, event.outcome, now, event.random);
	}
}

function settleProof(
	draft: Draft,
	event: Extract<CustodyEvent, { type: "sinks-proved" }>,
	now: number,
): void {
	const { writable, total, random } = event;
	const all = writable === total;
	const failures = all ? 0 : draft.run.sinkRetry.failures + 1;
	const delay = all ? 0 : backoffDelay(SINK_BACKOFF, failures, random);
	remember(draft, {
		sinks: { at: now, all, any: writable > 0 },
		sinkRetry: { failures, at: now + delay },
	});
	if (!all) dropAsk(draft, now);
	if (failures === 1)
		note(draft, "warn", "sinks-not-writable", { reason: `${total - writable} of ${total}` });
}

/** What it has delivered stays: the copy here may be the last one. */
function forgetDevice(draft: Draft, device: string): void {
	if (draft.run.reservation?.device === device) remember(draft, { reservation: undefined });
}

/** The login before the current one is out of mind once every sink has let go of it. */
function letGo(draft: Draft, access: Fingerprint): void {
	const { current, retiring } = draft.record;
	if (retiring === undefined || current === undefined) return;
	if (fingerprint(current.session.accessToken) === access) change(draft, { retiring: undefined });
}

// Starting what is next

function conclude(
	before: CustodyState,
	draft: Draft,
	now: number,
	random: number,
): CustodyDecision {
	expire(draft, now);
	advance(draft, now, random);
	expire(draft, now);
	warnOfDeadline(draft, now);
	if (draft.record !== before.record) draft.record = withinBounds(draft.record, now);
	const publish = publishing(draft, now);
	const { record, run, rules } = draft;
	const persist: CustodyEffect[] = record === before.record ? [] : [{ type: "persist", record }];
	const reply = draft.reply === undefined ? [] : [draft.reply()];
	return {
		state: { record, run, rules },
		effects: [...persist, ...publish, ...reply, ...draft.effects],
	};
}

function expire(draft: Draft, now: number): void {
	lapseAsk(draft, now);
	const { reservation } = draft.run;
	if (reservation !== undefined && reservation.until <= now)
		remember(draft, { reservation: undefined });
	const { retiring } = draft.record;
	if (retiring?.accessUntil !== undefined && retiring.accessUntil <= now) {
		change(draft, { retiring: undefined });
	}
}

/** Steps that only change the state lead to the next one; each changes it so that they end. */
function advance(draft: Draft, now: number, random: number): void {
	for (let steps = 0; steps < 10; steps += 1) {
		const plan = planCustody(draft, now);
		if (!("do" in plan)) return;
		if (take(draft, plan, now, random)) return;
	}
}

/** @returns whether an operation was started, so that nothing more is to be done now */
function take(draft: Draft, step: Step, now: number, random: number): boolean {
	switch (step.do) {
		case "probe":
			return startProbe(draft, step.role);
		case "learn":
			return startLearning(draft);
		case "prove": {
			const id = begin(draft, (id) => ({ kind: "prove", id, role: step.role }));
			draft.effects.push({ type: "prove-sinks", id });
			return true;
		}
		case "harvest": {
			const fp = draft.record[step.role]?.fp ?? "";
			const id = begin(draft, (id) => ({ kind: "harvest", id, role: step.role }));
			draft.effects.push({ type: "harvest", id, role: step.role, fp });
			return true;
		}
		case "disarm":
			return startDisarm(draft, step.path);
		case "revoke":
			return startRevocation(draft);
		case "refresh":
			return startRefresh(draft, step.role, now);
		default:
			settleStep(draft, step, now, random);
			return false;
	}
}

function begin(draft: Draft, make: (id: number) => Operation): number {
	const id = draft.run.nextOperation;
	remember(draft, { nextOperation: id + 1, operation: make(id) });
	return id;
}

function startProbe(draft: Draft, role: Role): boolean {
	const lineage = draft.record[role];
	if (lineage === undefined) return true;
	const { accessToken } = lineage.session;
	const id = begin(draft, (id) => ({ kind: "probe", id, role, access: fingerprint(accessToken) }));
	draft.effects.push({ type: "probe", id, accessToken });
	return true;
}

/** First the replaced token; if it is dead, the new one, lest the provider refuse everybody. */
function startLearning(draft: Draft): boolean {
	const { replaced } = draft.run;
	const accessToken = replaced?.dead
		? draft.record.current?.session.accessToken
		: replaced?.accessToken;
	if (accessToken === undefined) return true;
	const id = begin(draft, (id) => ({ kind: "learn", id }));
	draft.effects.push({ type: "probe", id, accessToken });
	return true;
}

function startDisarm(draft: Draft, path: string): boolean {
	const { staged } = draft.record;
	if (staged === undefined) return true;
	const { fp, imported } = staged;
	const access = fingerprint(staged.session.accessToken);
	const again = imported?.state === "disarming";
	if (!again) changeLineage(draft, "staged", { imported: { path, state: "disarming" } });
	const id = begin(draft, (id) => ({ kind: "disarm", id, fp, again }));
	draft.effects.push({ type: "disarm-source", id, path, fp, access });
	return true;
}

function startRevocation(draft: Draft): boolean {
	const { current } = draft.record;
	if (current === undefined) return true;
	const { session } = current;
	const id = begin(draft, (id) => ({ kind: "revoke", id }));
	draft.effects.push({ type: "revoke", id, session });
	return true;
}

/** The intent goes into the record, and so to disk, before the refresh is sent. */
function startRefresh(draft: Draft, role: Role, now: number): boolean {
	const lineage = draft.record[role];
	if (lineage === undefined || !isArmed(lineage.session)) return true;
	const { phase, session } = lineage;
	if (phase.name === "in-doubt") enter(draft, role, { ...phase, lateTryAt: now });
	else enter(draft, role, { name: "refreshing", intent: { at: now }, before: phase as QuietPhase });
	remember(draft, { sinks: undefined });
	const id = begin(draft, (id) => ({ kind: "refresh", id, role }));
	draft.effects.push({ type: "refresh", id, role, session });
	return true;
}

function settleStep(draft: Draft, step: Step, now: number, random: number): void {
	const { current, staged } = draft.record;
	switch (step.do) {
		case "suspect":
			enter(draft, "current", { name: "suspect", since: now });
			if (current !== undefined) note(draft, "warn", "suspect", nameOf(current));
			return;
		case "not-spent":
			return settleNotSpent(draft, step.role);
		case "lost":
			return settleLost(draft, step.role, now);
		case "ended":
			enter(draft, "current", { name: "needs-login", reason: "deadline", since: now });
			if (current !== undefined)
				note(draft, "warn", "needs-login", { ...nameOf(current), reason: "deadline" });
			return;
		case "refuse":
			return refuseStaged(draft, step.reason, now);
		case "adopt":
			if (staged !== undefined) {
				makeCurrent(draft, { ...staged, jitter: random, phase: { name: "held" } }, now);
			}
			return;
		default:
			return;
	}
}

/** The old access token lives although this provider kills it at a rotation: there was none. */
function settleNotSpent(draft: Draft, role: Role): void {
	const lineage = draft.record[role];
	if (lineage === undefined) return;
	enter(draft, role, phaseBefore(role, lineage));
	note(draft, "info", "not-spent", nameOf(lineage));
}

function settleLost(draft: Draft, role: Role, now: number): void {
	const lineage = draft.record[role];
	if (lineage === undefined) return;
	const isCopy = lineage.imported?.state !== "disarmed";
	if (role === "staged" && lineage.generation === 0 && isCopy)
		return settleSpent(draft, lineage, now);
	const reason = lineage.phase.name === "in-doubt" ? "lost-in-flight" : "revoked-or-reused";
	// Also of a staged one of which nobody else has a copy, as after its claim: it is kept, sealed.
	enter(draft, role, { name: "needs-login", reason, since: now });
	note(draft, "warn", "needs-login", { ...nameOf(lineage), reason });
}

/** Of the login that is served: one that is lost has said so. */
function warnOfDeadline(draft: Draft, now: number): void {
	const { current } = draft.record;
	if (current === undefined || isLost(current.phase)) return;
	const warning = deadlineWarning(current.session.deadline, now);
	if (warning === undefined || !isNewWarning(warning, current.warned)) return;
	changeLineage(draft, "current", { warned: warning });
	const reason = warning.days === 1 ? "1 day" : `${warning.days} days`;
	note(draft, "warn", "deadline-near", { ...nameOf(current), reason });
}

function publishing(draft: Draft, now: number): CustodyEffect[] {
	const token = servedToken(draft.record, now);
	if (token === undefined) return clearing(draft);
	if (token.accessFp === draft.run.published) return [];
	remember(draft, { published: token.accessFp });
	return [{ type: "publish", token }];
}

/** Of a login that a person has ended; after each start anew, as it does no harm twice. */
function clearing(draft: Draft): CustodyEffect[] {
	const { current } = draft.record;
	const isOver =
		current !== undefined && (current.phase.name === "revoking" || isLoggedOut(current));
	if (!isOver || draft.run.published === CLEARED) return [];
	remember(draft, { published: CLEARED });
	return [{ type: "clear-sinks" }];
}
