import { describe, expect, test } from "vitest";
import type { Draft } from "./custody-draft.ts";
import { DEFAULT_RULES, emptyRecord, freshRun, type Lineage } from "./custody-state.ts";
import { DAY, HOUR, MINUTE } from "./duration.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import { seeClock, setBack } from "./provider-clock.ts";
import { Secret } from "./secret.ts";
import { parseEntry, type Session, setupTokenSession } from "./session.ts";

const NOW = 1_800_000_000_000;
const ENDS = { expiresAt: NOW + 8 * HOUR, refreshTokenExpiresAt: NOW + 20 * DAY };
const LOGIN = parseEntry({ accessToken: "access", refreshToken: "refresh", ...ENDS });

function draftOf(ahead: number | undefined, session: Session = LOGIN): Draft {
	const current = madeUpLineage({ session, obtainedAt: NOW, ahead });
	const record = { ...emptyRecord("default", "00".repeat(32)), current };
	return { record, run: freshRun(NOW), rules: DEFAULT_RULES, effects: [] };
}

/** By how much each time moved after answers that showed the provider so far ahead. */
function movedBy(draft: Draft, ...aheads: number[]) {
	for (const ahead of aheads) seeClock(draft, NOW + ahead, NOW);
	const { session, obtainedAt, ahead } = draft.record.current as Lineage;
	return {
		access: (session.expiresAt ?? 0) - ENDS.expiresAt,
		login: (session.deadline ?? 0) - ENDS.refreshTokenExpiresAt,
		obtained: obtainedAt - NOW,
		ahead,
	};
}

const NOT = { access: 0, login: 0, obtained: 0 };

describe("the times of a login", () => {
	test.each<[what: string, before: number | undefined, seen: number[], moved: object]>([
		["of which nothing is known: noted by what two agree on", undefined, [5 * HOUR, 5 * HOUR], NOT],
		["that agree: stay", 0, [MINUTE, MINUTE], { ...NOT, ahead: 0 }],
		["with one odd answer: stay", 0, [5 * HOUR], { ...NOT, ahead: 0 }],
		["with odd answers that differ: stay", 0, [5 * HOUR, 9 * HOUR, 2 * HOUR], { ...NOT, ahead: 0 }],
		[
			"after a clock that was ahead is set back: an access token ends earlier",
			-5 * HOUR,
			[0, MINUTE],
			{ access: -5 * HOUR - MINUTE, login: 0, obtained: -5 * HOUR - MINUTE, ahead: MINUTE },
		],
		[
			"after a clock that was behind is set forward: a login ends later",
			5 * HOUR,
			[0, 0],
			{ access: 0, login: 5 * HOUR, obtained: 0, ahead: 0 },
		],
		[
			"after one that comes back to what it was: moved to where it does no harm",
			0,
			[9 * HOUR, 9 * HOUR, 0, 0],
			{ access: -9 * HOUR, login: 9 * HOUR, obtained: -9 * HOUR, ahead: 0 },
		],
	])("%s", (_what, before, seen, moved) => {
		expect(movedBy(draftOf(before), ...seen)).toMatchObject(moved);
	});

	test("of which nothing is known are noted", () => {
		expect(movedBy(draftOf(undefined), 5 * HOUR).ahead).toBeUndefined();
		expect(movedBy(draftOf(undefined), 5 * HOUR, 5 * HOUR).ahead).toBe(5 * HOUR);
	});

	test("that answers agree with by what was known: one is enough", () => {
		const draft = draftOf(5 * HOUR);
		seeClock(draft, NOW + 5 * HOUR, NOW);
		expect(draft.run.clock.agreed).toBe(5 * HOUR);
	});

	test("of a setup token are a person's word, and stay", () => {
		const token = setupTokenSession(new Secret("token"), ENDS.expiresAt);
		const draft = draftOf(-5 * HOUR, token);
		for (const _ of [1, 2]) seeClock(draft, NOW, NOW);
		setBack(draft, 3 * HOUR);
		expect(draft.record.current?.session).toEqual(token);
	});

	test("of a login that is not claimed yet move alike", () => {
		const seen = draftOf(-5 * HOUR);
		seen.record = { ...seen.record, staged: seen.record.current };
		for (const _ of [1, 2]) seeClock(seen, NOW, NOW);
		expect(seen.record.staged?.session.expiresAt).toBe(ENDS.expiresAt - 5 * HOUR);
		setBack(seen, 3 * HOUR);
		expect(seen.record.staged?.session.expiresAt).toBe(ENDS.expiresAt - 8 * HOUR);
	});

	test("are moved with a word in the audit log, and not where nothing was told", () => {
		const draft = draftOf(-5 * HOUR);
		for (const _ of [1, 2, 3]) seeClock(draft, undefined, NOW);
		expect(draft.effects).toEqual([]);
		for (const _ of [1, 2, 3]) seeClock(draft, NOW, NOW);
		expect(draft.effects).toMatchObject([
			{ what: "times-moved", reason: "this clock was set back by 5 h" },
		]);
	});

	test.each<[what: string, before: number | undefined, after: number | undefined]>([
		["of which nothing is known", undefined, undefined],
		["noted by two clocks that agreed", 0, 3 * HOUR],
		["noted by a clock that was ahead", -3 * HOUR, 0],
	])(
		"%s: move at once when the clock is seen to be set back, and once only",
		(_what, before, after) => {
			const draft = draftOf(before);
			setBack(draft, 3 * HOUR);
			const moved = { access: -3 * HOUR, login: 0, obtained: -3 * HOUR };
			const seen = after === undefined ? [] : [after, after];
			expect(movedBy(draft, ...seen)).toEqual({ ...moved, ahead: after });
		},
	);
});
