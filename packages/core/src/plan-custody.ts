/**
 * What the custodian does next, and if nothing, until when: a pure look at the state. Refresh, claim,
 * doubt and suspicion are all here, each a function of its phase, so that the rule "when" stands apart
 * from "what came of it" (`settle-*.ts`).
 */

import { askedFrom, isAsked } from "./ask-refresh.ts";
import { LONGEST_PROOF_WAIT, PROBE_BACKOFF } from "./backoff.ts";
import {
	type CustodyState,
	intentAt,
	isLost,
	type Lineage,
	type Phase,
	type ProbeMemory,
	type Role,
	tokenLife,
	UNPROBED,
} from "./custody-state.ts";
import { nextWarningAt } from "./deadline-warning.ts";
import { HOUR } from "./duration.ts";
import { fingerprint } from "./lineage.ts";
import { lastCallAt, refreshDueAt } from "./refresh-policy.ts";
import { isArmed, isUnexpired } from "./session.ts";
import { mayBeOnlyCopy } from "./staged-login.ts";

/** Something to do at once. */
export type Step =
	/** Ask the provider whether the access token lives. */
	| { readonly do: "probe"; readonly role: Role }
	/** Ask whether the access token that a rotation replaced still lives. */
	| { readonly do: "learn" }
	| { readonly do: "prove"; readonly role: Role }
	| { readonly do: "harvest"; readonly role: Role }
	/** Blank the file a staged login was imported from: only we may spend it from then on. */
	| { readonly do: "disarm"; readonly path: string }
	/** Journal an intent and send the refresh; for a staged login this is the claim. */
	| { readonly do: "refresh"; readonly role: Role }
	/** Dead by two probes with no intent open. */
	| { readonly do: "suspect" }
	/** The doubt is over: the token was not spent. */
	| { readonly do: "not-spent"; readonly role: Role }
	/** The doubt is over: the login is gone. */
	| { readonly do: "lost"; readonly role: Role }
	/** Log the current login out at the provider. */
	| { readonly do: "revoke" }
	/** The login has reached its end. */
	| { readonly do: "ended" }
	/** A staged login that will never be claimed. */
	| { readonly do: "refuse"; readonly reason: "dead" | "expired" | "other-account" }
	/** A setup token becomes current as it is. */
	| { readonly do: "adopt" };

/** Nothing to do before this instant, wall-clock ms; infinity if only an event can change that. */
export interface Wait {
	readonly until: number;
}

export type Plan = Step | Wait;

const IDLE: Wait = { until: Number.POSITIVE_INFINITY };

export function planCustody(state: CustodyState, now: number): Plan {
	if (state.run.operation !== undefined) return IDLE;
	const { current } = state.record;
	// What a person ends comes first; one that was meant to replace it goes on meanwhile.
	const revoking = current?.phase.name === "revoking";
	const plans = revoking
		? [planRevoking(state, current, now), planStaged(state, now)]
		: [planCurrent(state, now), planStaged(state, now), planLearning(state)];
	const step = plans.find((plan) => "do" in plan);
	if (step !== undefined) return step;
	return { until: Math.min(...plans.map((plan) => ("until" in plan ? plan.until : now))) };
}

function planCurrent(state: CustodyState, now: number): Plan {
	const lineage = state.record.current;
	switch (lineage?.phase.name) {
		case "held":
			return planHeld(state, lineage, now);
		case "suspect":
			return planSuspect(state, lineage, now);
		case "in-doubt":
			return planDoubt(state, "current", lineage, now);
		default:
			return IDLE;
	}
}

function planRevoking({ run }: CustodyState, lineage: Lineage, now: number): Plan {
	if (hasEnded(lineage, now)) return { do: "ended" };
	const { at } = run.refreshRetry.current;
	return now >= at ? { do: "revoke" } : { until: at };
}

function planHeld(state: CustodyState, lineage: Lineage, now: number): Plan {
	const { session } = lineage;
	const unexpired = isUnexpired(session, now);
	const spendable = isArmed(session) && !hasEnded(lineage, now);
	if (!spendable && !unexpired) return { do: "ended" };

	const probe = probeMemory(state, lineage);
	if (probe.dead && unexpired)
		return isArmed(session) ? { do: "suspect" } : { do: "lost", role: "current" };
	if (session.kind === "setup-token") return planWatch(probe, session.expiresAt, now);
	const verified = state.run.verified === fingerprint(session.accessToken);
	const lastCall = lastCallAt(tokenLife(lineage), state.rules.timing.lastCall);
	if (unexpired && !verified && now < lastCall) {
		return now >= probe.nextAt
			? { do: "probe", role: "current" }
			: { until: Math.min(probe.nextAt, lastCall) };
	}
	if (!spendable) return { until: session.expiresAt ?? Number.POSITIVE_INFINITY };

	const due = isAsked(state, lineage)
		? askedFrom(state, lineage)
		: refreshDueAt(state.rules.policy, tokenLife(lineage));
	if (due === undefined) return IDLE;
	const at = Math.max(due, state.run.refreshRetry.current.at, witnessAwaitedUntil(state, lineage));
	if (now < at) return { until: at };
	return unexpired
		? planLookBefore(state, lineage, now)
		: planSpend(state, "current", lineage, now);
}

/** Between two looks at a token that nothing but a look tells of, ms. */
const WATCH_EVERY = 6 * HOUR;

/**
 * A setup token to its end: no refresh would ever show that it was revoked. One that the profile address
 * does not speak of, for want of a scope, is asked about as calmly.
 */
function planWatch(probe: ProbeMemory, end: number | undefined, now: number): Plan {
	const isCalm =
		probe.silent === 0 ? probe.goodAt !== undefined : probe.silent >= PROBE_BACKOFF.length;
	const at = probe.nextAt + (isCalm && probe.deadSince === undefined ? WATCH_EVERY : 0);
	return now >= at
		? { do: "probe", role: "current" }
		: { until: Math.min(at, end ?? Number.POSITIVE_INFINITY) };
}

/**
 * Until when a refresh waits for the PC to say what it remembers, since this state may be a snapshot put
 * back. A probe tells that only of an access token that has not ended, and only where a rotation would
 * have killed it. Wall-clock ms; 0 if nobody is waited for.
 */
function witnessAwaitedUntil({ run, rules, record }: CustodyState, lineage: Lineage): number {
	const { session, imported } = lineage;
	const { expiresAt } = session;
	// Of one that no PC handed over no PC can speak.
	if (imported !== undefined) return 0;
	if (run.unbroken || run.witnessAgrees || expiresAt === undefined) return 0;
	const until = run.since + rules.timing.witnessWait;
	if (expiresAt <= run.since) return until;
	if (record.learnt.killsOldAccess >= KNOWN) return 0;
	return Math.min(until, lastCallAt(tokenLife(lineage), rules.timing.lastCall));
}

/** Until when nothing is served for want of a PC's word; undefined if it is not so. */
export function pcAwaitedUntil(state: CustodyState, now: number): number | undefined {
	const { current } = state.record;
	if (current === undefined || !SPENDABLE.includes(current.phase.name)) return undefined;
	if ((current.session.expiresAt ?? Number.POSITIVE_INFINITY) > state.run.since) return undefined;
	const until = witnessAwaitedUntil(state, current);
	return until > now ? until : undefined;
}

const SPENDABLE: readonly Phase["name"][] = ["held", "suspect", "in-doubt"];

/** One look at the token just before it is replaced: to see a theft in time, and to learn by it. */
function planLookBefore(state: CustodyState, lineage: Lineage, now: number): Plan {
	const probe = probeMemory(state, lineage);
	const looked = isFresh(probe.goodAt, state, now) || probe.silent > 0;
	if (looked && probe.deadSince === undefined) return planSpend(state, "current", lineage, now);
	if (now >= probe.nextAt) return { do: "probe", role: "current" };
	return { until: probe.nextAt };
}

/** Sinks first: a new token nobody can be given is not worth the old one. */
function planSpend(state: CustodyState, role: Role, lineage: Lineage, now: number): Plan {
	const { sinks, sinkRetry } = state.run;
	const lastCall = lastCallAt(tokenLife(lineage), state.rules.timing.lateTry);
	if (sinks !== undefined && isFresh(sinks.at, state, now)) {
		if (sinks.all || (sinks.any && now >= lastCall)) return spendOrDisarm(role, lineage);
	}
	const isLast = now >= lastCall;
	// From now on some sinks are enough: what was seen before is looked at again at once.
	if (isLast && (sinks?.at ?? 0) < lastCall) return { do: "prove", role };
	const soon = (sinks?.at ?? 0) + LONGEST_PROOF_WAIT;
	const at = Math.min(sinkRetry.at, isLast ? soon : lastCall);
	return now < at ? { until: at } : { do: "prove", role };
}

function spendOrDisarm(role: Role, { imported }: Lineage): Step {
	if (imported?.path === undefined || imported.state === "disarmed") return { do: "refresh", role };
	return { do: "disarm", path: imported.path };
}

function planSuspect(state: CustodyState, lineage: Lineage, now: number): Plan {
	if (hasEnded(lineage, now)) {
		const end = lineage.session.expiresAt ?? Number.POSITIVE_INFINITY;
		return isUnexpired(lineage.session, now) ? { until: end } : { do: "ended" };
	}
	const lastCall = lastCallAt(tokenLife(lineage), state.rules.timing.lastCall);
	const retryAt = state.run.refreshRetry.current.at;
	if (state.run.unbroken || state.run.witnessAgrees || now >= lastCall) {
		const at = Math.max(retryAt, witnessAwaitedUntil(state, lineage));
		return now >= at ? planSpend(state, "current", lineage, now) : { until: at };
	}
	const probe = probeMemory(state, lineage);
	if (now >= probe.nextAt) return { do: "probe", role: "current" };
	return { until: Math.min(probe.nextAt, lastCall) };
}

function planDoubt(state: CustodyState, role: Role, lineage: Lineage, now: number): Plan {
	const { timing } = state.rules;
	const { phase } = lineage;
	if (phase.name !== "in-doubt") return IDLE;
	const harvest = state.run.harvested[role];
	if (!harvest.done) {
		return now >= harvest.nextAt ? { do: "harvest", role } : { until: harvest.nextAt };
	}
	const sent = Math.max(intentAt(phase) ?? 0, harvest.endedAt);
	// After a clock that stepped back, the run's own age is as good a measure.
	const settled = (sent > now ? state.run.since : sent) + timing.requestLimit;
	if (now < settled) return { until: settled };

	const tried = phase.lateTryAt !== undefined;
	const retryAt = state.run.refreshRetry[role].at;
	if (!isUnexpired(lineage.session, now)) {
		if (tried || hasEnded(lineage, now)) return { do: "lost", role };
		const awaited = role === "current" ? witnessAwaitedUntil(state, lineage) : 0;
		const at = Math.max(retryAt, awaited);
		return now >= at ? { do: "refresh", role } : { until: at };
	}
	const probe = probeMemory(state, lineage);
	if (probe.dead) return { do: "lost", role };
	const alive = probe.goodAt !== undefined && (probe.goodAt >= sent || sent > now);
	if (alive && state.record.learnt.killsOldAccess >= KNOWN) return { do: "not-spent", role };
	const end = lineage.session.expiresAt ?? Number.POSITIVE_INFINITY;
	const lateAt = Math.max(lastCallAt(tokenLife(lineage), timing.lateTry), retryAt);
	if (alive && !tried) return now >= lateAt ? { do: "refresh", role } : { until: lateAt };
	if (alive) return { until: end };
	return now >= probe.nextAt ? { do: "probe", role } : { until: Math.min(probe.nextAt, end) };
}

/** Two rotations that showed it make it known that the provider kills the old access token. */
const KNOWN = 2;

function planStaged(state: CustodyState, now: number): Plan {
	const lineage = state.record.staged;
	if (lineage?.phase.name === "in-doubt") return planDoubt(state, "staged", lineage, now);
	if (lineage?.phase.name === "verifying") return planVerifying(state, lineage, now);
	if (lineage?.phase.name !== "staged") return IDLE;
	if (mayBeOnlyCopy(lineage)) return planLastCopy(state, lineage, now);
	if (hasEnded(lineage, now)) return { do: "refuse", reason: "expired" };
	if (state.run.armed !== lineage.firstFp)
		return { until: lineage.session.deadline ?? Number.POSITIVE_INFINITY };
	if (lineage.account === undefined) return planProof(state, lineage, now);
	if (lineage.session.kind === "setup-token") return { do: "adopt" };
	const retryAt = state.run.refreshRetry.staged.at;
	return now >= retryAt ? planSpend(state, "staged", lineage, now) : { until: retryAt };
}

/**
 * Its file was disarmed, so there is no way back: it is claimed, whatever a clock says of its end, or a
 * probe of its access token. Only the provider's answer to the claim can say that it is worth nothing.
 */
function planLastCopy(state: CustodyState, lineage: Lineage, now: number): Plan {
	const retryAt = state.run.refreshRetry.staged.at;
	if (now < retryAt) return { until: retryAt };
	const { path, state: source } = lineage.imported ?? {};
	return path !== undefined && source === "disarming"
		? { do: "disarm", path }
		: planSpend(state, "staged", lineage, now);
}

/** Claimed before the provider could be asked whose it is: asked now, of the new access token. */
function planVerifying(state: CustodyState, lineage: Lineage, now: number): Plan {
	const probe = probeMemory(state, lineage);
	if (probe.dead || hasEnded(lineage, now)) return { do: "lost", role: "staged" };
	if (isUnexpired(lineage.session, now)) {
		return now >= probe.nextAt ? { do: "probe", role: "staged" } : { until: probe.nextAt };
	}
	const retryAt = state.run.refreshRetry.staged.at;
	return now >= retryAt ? planSpend(state, "staged", lineage, now) : { until: retryAt };
}

/** Whose login is it? The provider is asked; if its access token has ended, after the claim. */
function planProof(state: CustodyState, lineage: Lineage, now: number): Plan {
	const probe = probeMemory(state, lineage);
	if (!isUnexpired(lineage.session, now)) {
		const retryAt = state.run.refreshRetry.staged.at;
		return now >= retryAt ? planSpend(state, "staged", lineage, now) : { until: retryAt };
	}
	if (probe.dead) return { do: "refuse", reason: "dead" };
	if (probe.silent > 0 && mayGoUnnamed(state, lineage)) return { do: "adopt" };
	return now >= probe.nextAt ? { do: "probe", role: "staged" } : { until: probe.nextAt };
}

/**
 * Mostly the provider does not say whose a setup token is. Where that matters, in a name that is kept for
 * an account, a person at this machine is believed, and a paired device is not.
 */
function mayGoUnnamed({ record }: CustodyState, { session, imported }: Lineage): boolean {
	if (session.kind !== "setup-token") return false;
	return imported !== undefined || record.account === undefined;
}

function planLearning(state: CustodyState): Plan {
	return state.run.replaced === undefined ? IDLE : { do: "learn" };
}

function hasEnded(lineage: Lineage, now: number): boolean {
	return lineage.session.deadline !== undefined && lineage.session.deadline <= now;
}

function isFresh(at: number | undefined, state: CustodyState, now: number): boolean {
	return at !== undefined && at <= now && now - at < state.rules.timing.fresh;
}

export function probeMemory(state: Pick<CustodyState, "run">, lineage: Lineage) {
	return state.run.probes[fingerprint(lineage.session.accessToken)] ?? UNPROBED;
}

/** The instant at which a tick is wanted, wall-clock ms; infinity if none is. */
export function nextWake(state: CustodyState, now: number): number {
	const plan = planCustody(state, now);
	if ("do" in plan) return now;
	const { current, retiring } = state.record;
	const served = current === undefined || isLost(current.phase) ? undefined : current;
	const warnAt = nextWarningAt(served?.session.deadline, now);
	return Math.min(plan.until, retiring?.accessUntil ?? plan.until, warnAt);
}
