/** A small campaign in every test run; `npm run sim` runs the large ones. */

import { describe, expect, test } from "vitest";
import { catchMutant, runSeed, runSeeds } from "./campaign.ts";
import { MUTANTS } from "./mutants.ts";
import { REAL_RULES } from "./rules.ts";

test("no invariant breaks in 300 worlds, and much happens in them", { timeout: 120_000 }, () => {
	const tally = runSeeds(1, 300);
	expect(tally.failing).toEqual([]);
	expect(tally).toMatchObject({ runs: 300, violations: 0, spentTwice: 0, lost: 0 });
	expect(tally.claims).toBeGreaterThan(300);
	expect(tally.rotations).toBeGreaterThan(1_000);
	expect(tally.lostInFlight).toBeGreaterThan(0);
	expect(tally.lateReplays).toBeGreaterThan(0);
});

test("the same seed tells the same story", () => {
	const stories = [1, 2].map(() => {
		const story: string[] = [];
		runSeed(7, REAL_RULES, story);
		return story;
	});
	expect(stories[0]?.length).toBeGreaterThan(20);
	expect(stories[0]).toEqual(stories[1]);
});

describe("a deliberate fault is caught", () => {
	/** Seeds are tried in order; the rarest faults show within some hundreds of worlds. */
	const QUICK = MUTANTS.filter(
		({ name }) => !["stale lock broken", "late decline obeyed"].includes(name),
	);

	test.each(QUICK)("$name", { timeout: 120_000 }, (mutant) => {
		expect(catchMutant(mutant, 1, 600)).toBeDefined();
	});
});
