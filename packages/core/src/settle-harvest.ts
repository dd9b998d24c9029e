/**
 * What a look at the engine's leavings shows of an open intent: the outcome itself, nothing, or that it
 * still runs.
 */

import { type Draft, enter, remember } from "./custody-draft.ts";
import {
	type HarvestMemory,
	intentAt,
	type Lineage,
	type QuietPhase,
	type Role,
} from "./custody-state.ts";
import { MINUTE, SECOND } from "./duration.ts";
import type { HarvestOutcome } from "./oauth.ts";
import { settleRefresh } from "./settle-refresh.ts";

/** Between two looks at an engine that still runs: it ends in seconds, or hangs. */
const SOONEST = 2 * SECOND;
const LATEST = MINUTE;

/** @param random from 0 to 1 */
export function settleHarvest(
	draft: Draft,
	role: Role,
	outcome: HarvestOutcome,
	now: number,
	random: number,
): void {
	switch (outcome.kind) {
		case "running":
			// Nothing is concluded, and nothing spent, before it has ended. Other logins are not held up.
			return remembered(draft, role, {
				done: false,
				endedAt: 0,
				nextAt: lookAgainAt(draft, role, now),
			});
		case "nothing":
			return remembered(draft, role, { done: true, endedAt: outcome.endedAt ?? 0, nextAt: 0 });
		case "rotated": {
			const intent = draft.record[role]?.phase;
			remembered(draft, role, { done: true, endedAt: 0, nextAt: 0 });
			settleRefresh(draft, role, outcome, now, random);
			const isOlder = intent !== undefined && (intentAt(intent) ?? 0) < draft.run.since;
			// It came while nobody watched, and may have been put back with all the rest: it is looked at first.
			if (isOlder) remember(draft, { unbroken: false, verified: undefined });
			return;
		}
		default:
			remembered(draft, role, { done: true, endedAt: 0, nextAt: 0 });
			leaveDoubt(draft, role);
			return settleRefresh(draft, role, outcome, now, random);
	}
}

/** The longer it has run, the rarer. */
function lookAgainAt(draft: Draft, role: Role, now: number): number {
	const phase = draft.record[role]?.phase;
	const begun = (phase && intentAt(phase)) ?? now;
	return now + Math.min(Math.max((now - begun) / 8, SOONEST), LATEST);
}

function remembered(draft: Draft, role: Role, memory: HarvestMemory): void {
	remember(draft, { harvested: { ...draft.run.harvested, [role]: memory } });
}

/** The one time it was presented has a known outcome. With a late try behind it the first one stays open. */
function leaveDoubt(draft: Draft, role: Role): void {
	const lineage = draft.record[role];
	if (lineage?.phase.name !== "in-doubt" || lineage.phase.lateTryAt !== undefined) return;
	enter(draft, role, phaseBefore(role, lineage));
}

/** Where a login stands whose refresh token was surely not used up. */
export function phaseBefore(role: Role, lineage: Lineage): QuietPhase {
	if (role === "current") return { name: "held" };
	return lineage.generation === 0 ? { name: "staged", served: true } : { name: "verifying" };
}
