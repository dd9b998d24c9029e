/**
 * The provider's clock, as its answers show it, beside ours.
 *
 * All times of a login are by our own clock: it is the one we judge by, and the one its consumers on this
 * machine have. While it runs on, right or wrong, they stay true. Once it is set they are off by as much,
 * also where nobody saw that happen. So it is kept with them how far the provider's clock was ahead then;
 * a later answer that shows another difference tells by how much ours was set.
 *
 * One odd `Date` proves nothing: two answers in a row have to agree. And the times only move to where a
 * mistake does no harm: an access token's end to earlier, a login's end to later.
 *
 * Of a clock that is set back while the service runs nobody need tell: the clock that only counts shows by
 * how much, at once and without the provider. Forward, a step looks like sleep.
 */

import { changeLineage, type Draft, note, remember } from "./custody-draft.ts";
import type { Lineage, Role } from "./custody-state.ts";
import { formatDuration } from "./duration.ts";
import { AGREE_WITHIN } from "./other-clock.ts";

/** How far the provider's clock was seen to be ahead of ours, ms; since the start or the last jump. */
export interface ClockSight {
	/** By the last answer that told. */
	readonly last: number | undefined;
	/** By two in a row, or by one and what was known before. */
	readonly agreed: number | undefined;
}

export const NO_SIGHT: ClockSight = { last: undefined, agreed: undefined };

/** @param theirNow what an answer told, wall-clock ms; undefined if it told nothing */
export function seeClock(draft: Draft, theirNow: number | undefined, now: number): void {
	if (theirNow === undefined) return;
	const ahead = theirNow - now;
	const { last, agreed } = draft.run.clock;
	const known = last ?? draft.record.current?.ahead;
	const isSure = known !== undefined && agree(known, ahead);
	remember(draft, { clock: { last: ahead, agreed: isSure ? ahead : agreed } });
	if (!isSure) return;
	for (const role of ["current", "staged"] as const) moveTimes(draft, role, ahead);
}

/** This clock was seen to be set back by so many ms. */
export function setBack(draft: Draft, by: number): void {
	for (const role of ["current", "staged"] as const) {
		const lineage = draft.record[role];
		if (lineage === undefined || lineage.session.kind === "setup-token") continue;
		const ahead = lineage.ahead === undefined ? undefined : lineage.ahead + by;
		moveBy(draft, role, lineage, -by, ahead);
	}
}

/** Whether the first answer since the start or a jump differs from what was known: another is to tell. */
export function isClockInQuestion({ run }: Draft, { ahead }: Lineage): boolean {
	const { last, agreed } = run.clock;
	if (ahead === undefined || last === undefined || agreed !== undefined) return false;
	return !agree(ahead, last);
}

function agree(one: number, other: number): boolean {
	return Math.abs(one - other) <= AGREE_WITHIN;
}

function moveTimes(draft: Draft, role: Role, ahead: number): void {
	const lineage = draft.record[role];
	if (lineage === undefined || lineage.session.kind === "setup-token") return;
	if (lineage.ahead === undefined) return changeLineage(draft, role, { ahead });
	const by = lineage.ahead - ahead;
	if (!agree(by, 0)) moveBy(draft, role, lineage, by, ahead);
}

function moveBy(
	draft: Draft,
	role: Role,
	lineage: Lineage,
	by: number,
	ahead: number | undefined,
): void {
	const { session, obtainedAt, fp, lineageId, generation } = lineage;
	const [earlier, later] = [Math.min(by, 0), Math.max(by, 0)];
	changeLineage(draft, role, {
		ahead,
		obtainedAt: obtainedAt + earlier,
		session: {
			...session,
			expiresAt: moved(session.expiresAt, earlier),
			deadline: moved(session.deadline, later),
		},
	});
	const reason = `this clock was set ${by < 0 ? "back" : "forward"} by ${formatDuration(Math.abs(by))}`;
	note(draft, "info", "times-moved", { fp, lineageId, generation, reason });
}

function moved(at: number | undefined, by: number): number | undefined {
	return at === undefined ? undefined : Math.max(1, at + by);
}
