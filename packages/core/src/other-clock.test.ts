import { expect, test } from "vitest";
import { HOUR, MINUTE } from "./duration.ts";
import { byOurClock } from "./other-clock.ts";

const NOW = 1_800_000_000_000;

test.each<[string, number | undefined, number]>([
	["is not told", undefined, 0],
	["agrees", NOW + MINUTE, 0],
	["is hours ahead", NOW + 5 * HOUR, -5 * HOUR],
	["is hours behind", NOW - 5 * HOUR, 5 * HOUR],
])("a time by a clock that %s", (_what, theirNow, moved) => {
	expect(byOurClock(NOW + 8 * HOUR, theirNow, NOW)).toBe(NOW + 8 * HOUR + moved);
});

test("a time never becomes one that stands for none", () => {
	expect(byOurClock(HOUR, NOW + 5 * HOUR, NOW)).toBe(1);
});
