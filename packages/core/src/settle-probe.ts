/**
 * What a probe showed. Only 401, twice, `deadConfirm` apart, counts as dead.
 */

import { backoffDelay, PROBE_BACKOFF } from "./backoff.ts";
import { change, changeLineage, type Draft, enter, note, remember } from "./custody-draft.ts";
import {
	type Lineage,
	type Operation,
	type ProbeMemory,
	type Role,
	UNPROBED,
} from "./custody-state.ts";
import { fingerprint } from "./lineage.ts";
import type { ProbeOutcome } from "./oauth.ts";
import { isClockInQuestion, seeClock } from "./provider-clock.ts";
import { refuseStaged } from "./refuse-staged.ts";
import { makeCurrent, nameOf, serveStaged, settleSpent } from "./settle-refresh.ts";

export function settleProbe(
	draft: Draft,
	operation: Extract<Operation, { kind: "probe" }>,
	outcome: ProbeOutcome,
	now: number,
	random: number,
): void {
	const { access, role } = operation;
	const isFirstSight = draft.run.clock.last === undefined;
	if (outcome.kind === "good") seeClock(draft, outcome.theirNow, now);
	const before = draft.run.probes[access] ?? UNPROBED;
	const after = memoryAfter(before, outcome, now, random, draft.rules.timing.deadConfirm);
	remember(draft, { probes: { ...draft.run.probes, [access]: after } });
	const lineage = draft.record[role];
	// The login that was asked about may have been withdrawn, and another one staged since.
	if (lineage === undefined || fingerprint(lineage.session.accessToken) !== access) return;
	if (outcome.kind === "good") {
		// Looked at once more before it is held for verified: its end may have to move.
		if (isFirstSight && role === "current" && isClockInQuestion(draft, lineage)) return;
		settleGood(draft, role, lineage, outcome.account, now);
	}
	if (outcome.kind === "unknown") serveStaged(draft, role);
}

function memoryAfter(
	before: ProbeMemory,
	outcome: ProbeOutcome,
	now: number,
	random: number,
	deadConfirm: number,
): ProbeMemory {
	switch (outcome.kind) {
		case "good":
			return { goodAt: now, deadSince: undefined, dead: false, silent: 0, nextAt: now };
		case "dead": {
			const deadSince = Math.min(before.deadSince ?? now, now);
			const dead = before.deadSince !== undefined && now - deadSince >= deadConfirm;
			// After the verdict an occasional look remains, in case it was the provider's mistake.
			const nextAt = dead
				? now + backoffDelay(PROBE_BACKOFF, PROBE_BACKOFF.length)
				: deadSince + deadConfirm;
			return { ...before, deadSince, dead, silent: 0, nextAt };
		}
		case "unknown": {
			const silent = before.silent + 1;
			return { ...before, silent, nextAt: now + backoffDelay(PROBE_BACKOFF, silent, random) };
		}
	}
}

function settleGood(
	draft: Draft,
	role: Role,
	lineage: Lineage,
	account: string,
	now: number,
): void {
	if (role === "current") {
		remember(draft, { verified: fingerprint(lineage.session.accessToken) });
		if (draft.record.account === undefined) bind(draft, lineage, account);
		if (lineage.phase.name === "suspect") {
			enter(draft, "current", { name: "held" });
			note(draft, "info", "recovered", nameOf(lineage));
		}
		return;
	}
	const bound = draft.record.account;
	const claimed = lineage.phase.name === "verifying";
	if (bound !== undefined && bound !== account) {
		return claimed
			? settleSpent(draft, lineage, now, "other-account")
			: refuseStaged(draft, "other-account", now);
	}
	if (claimed) makeCurrent(draft, { ...lineage, account, phase: { name: "held" } }, now);
	else if (lineage.account !== account) changeLineage(draft, "staged", { account });
}

function bind(draft: Draft, lineage: Lineage, account: string): void {
	change(draft, { account });
	if (lineage.account === undefined) changeLineage(draft, "current", { account });
}

/** The token a rotation replaced: dead while unexpired, and the new one good, is one showing. */
export function settleLearning(draft: Draft, outcome: ProbeOutcome, now: number): void {
	const { replaced } = draft.run;
	if (replaced === undefined) return;
	const ended = replaced.expiresAt !== undefined && replaced.expiresAt <= now;
	if (!replaced.dead && outcome.kind === "dead" && !ended) {
		remember(draft, { replaced: { ...replaced, dead: true } });
		return;
	}
	remember(draft, { replaced: undefined });
	if (outcome.kind === "good") seeClock(draft, outcome.theirNow, now);
	if (outcome.kind !== "good") return; // Refused because it had ended, or no word: shows nothing.
	const shown = draft.record.learnt.killsOldAccess;
	const killsOldAccess = replaced.dead ? Math.min(shown + 1, SHOWN_MAX) : 0;
	if (killsOldAccess !== shown) change(draft, { learnt: { killsOldAccess } });
}

/** Showings are counted no further: two make it known. */
const SHOWN_MAX = 2;
