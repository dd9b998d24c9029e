/** Two bad months of each kind of provider in every test run; `npm run year` lives whole years. */

import { MINUTE, SECOND } from "@baton/core/duration";
import type { RefreshOutcome } from "@baton/core/oauth";
import { describe, expect, test } from "vitest";
import { brokenPromises } from "./compare.ts";
import { HEARTBEAT, PLUGIN } from "./habits.ts";
import { AS_IT_IS, liveAsOurs, liveByHabit, type OursAs, type Story } from "./live.ts";
import { drawYear, SEMANTICS } from "./weather.ts";

const DAYS = 60;

const ENOUGH = { timeout: 60_000 };

describe("a year of bad days, in sixty", () => {
	test.each(SEMANTICS.map((semantics, seed) => [semantics, seed + 3] as const))(
		"%j: never a second without a token that could be had",
		ENOUGH,
		async (semantics, seed) => {
			const year = drawYear(seed, DAYS);
			expect(year.semantics).toEqual(semantics);
			const ours = await liveAsOurs(year);
			expect(brokenPromises(year, ours)).toEqual([]);
			expect(ours.refreshes).toBeGreaterThan(150);
			expect(ours.logins).toBe(2);
		},
	);

	test("by habit there are hours without one", ENOUGH, async () => {
		const year = drawYear(3, DAYS);
		for (const habit of [HEARTBEAT, PLUGIN]) {
			const lived = await liveByHabit(year, habit);
			expect(lived.secondsWithoutToken).toBeGreaterThan(3_600);
			expect(lived.refreshes).toBeGreaterThan(100);
		}
	});

	test("the same seed tells the same story", ENOUGH, async () => {
		const stories: Story[] = [1, 2].map(() => ({ lines: [], gaps: [] }));
		for (const story of stories) await liveAsOurs(drawYear(4, 30), AS_IT_IS, story);
		expect(stories[0]?.lines.length).toBeGreaterThan(100);
		expect(stories[0]).toEqual(stories[1]);
	});
});

describe("a deliberate fault is caught", () => {
	const later = (ms: number) => (outcome: RefreshOutcome) =>
		outcome.kind === "refused" || outcome.kind === "not-sent"
			? { kind: "refused" as const, why: "server" as const, retryAfterMs: ms }
			: outcome;
	const told = (change: (ms: number) => number) => (outcome: RefreshOutcome) =>
		outcome.kind === "refused" && outcome.retryAfterMs !== undefined
			? { ...outcome, retryAfterMs: change(outcome.retryAfterMs) }
			: outcome;

	test.each<[fault: string, seed: number, as: Partial<OursAs>]>([
		["it asks again every ten minutes only", 3, { judge: later(10 * MINUTE) }],
		["it does not listen to Retry-After", 3, { judge: told(() => 0) }],
		["it takes the seconds of Retry-After for minutes", 3, { judge: told((ms) => 60 * ms) }],
		[
			"it hangs on a connection that does not come about",
			4,
			{ limits: { connect: 100 * SECOND, answer: 60 * SECOND } },
		],
		[
			"it sets one timer for hours, which stops while the machine sleeps",
			3,
			{ looksAround: false },
		],
		[
			"it does not see that the clock was set",
			3,
			{ clock: (clock) => ({ ...clock, monotonic: () => clock.now() }) },
		],
		["it is not given the monthly logins", 3, { renews: false }],
	])("%s", ENOUGH, async (_fault, seed, fault) => {
		const year = drawYear(seed, DAYS);
		const ours = await liveAsOurs(year, { ...AS_IT_IS, ...fault });
		expect(brokenPromises(year, ours)).not.toEqual([]);
	});
});
