import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOUR, MINUTE, SECOND } from "./duration.ts";
import {
	DEFAULT_POLICY,
	lastCallAt,
	type RefreshPolicy,
	refreshDueAt,
	refreshMargin,
	type TokenLife,
} from "./refresh-policy.ts";

const T0 = 1_700_000_000_000;

function life(lifetime: number, jitter = 0): TokenLife {
	return { obtainedAt: T0, expiresAt: T0 + lifetime, jitter };
}

/** When a token that lives so long is due, counted from when it was got. */
function dueAfter(policy: RefreshPolicy, lifetime: number, jitter = 0): number | undefined {
	const due = refreshDueAt(policy, life(lifetime, jitter));
	return due === undefined ? undefined : due - T0;
}

describe("by default", () => {
	test.each<[lifetime: number, before: number]>([
		[24 * HOUR, 2 * HOUR],
		[8 * HOUR, 2 * HOUR],
		[4 * HOUR, HOUR],
		[HOUR, 15 * MINUTE],
		[8 * SECOND, 2 * SECOND],
	])("a token that lives %d ms is due %d ms before its end", (lifetime, before) => {
		expect(dueAfter(DEFAULT_POLICY, lifetime)).toBe(lifetime - before);
	});

	test("chance takes at most 5 % off that", () => {
		expect(dueAfter(DEFAULT_POLICY, 8 * HOUR, 1)).toBe(6 * HOUR + 6 * MINUTE);
		expect(dueAfter(DEFAULT_POLICY, 8 * HOUR, 0.5)).toBe(6 * HOUR + 3 * MINUTE);
	});

	test("a token whose end is not known is never due", () => {
		const endless: TokenLife = { obtainedAt: T0, expiresAt: undefined, jitter: 0 };
		expect(refreshDueAt(DEFAULT_POLICY, endless)).toBeUndefined();
	});

	test("a token that had ended when it came is due at once", () => {
		expect(dueAfter(DEFAULT_POLICY, -HOUR)).toBe(0);
	});
});

describe("a setting", () => {
	test.each<[before: number, lifetime: number, margin: number]>([
		[30 * MINUTE, 8 * HOUR, 30 * MINUTE],
		[7 * HOUR, 8 * HOUR, 4 * HOUR],
		[100 * HOUR, HOUR, 30 * MINUTE],
		[0, HOUR, 0],
		[-HOUR, HOUR, 0],
	])("before %d of %d is %d: half the life at most", (before, lifetime, margin) => {
		expect(refreshMargin({ before, every: undefined }, life(lifetime))).toBe(margin);
	});
});

describe("each 30 min, if under 10 min are left", () => {
	const policy: RefreshPolicy = { every: 30 * MINUTE, before: 10 * MINUTE };
	test.each<[lifetime: number, due: number, why: string]>([
		[65 * MINUTE, HOUR, "the look at 60 min sees 5 min left"],
		[99 * MINUTE, 90 * MINUTE, "the look at 90 min sees 9 min left"],
		[100 * MINUTE, 90 * MINUTE, "the look at 90 min sees 10 min left"],
		[101 * MINUTE, 91 * MINUTE, "the look at 120 min would come too late: just in time instead"],
		[8 * HOUR, 8 * HOUR - 10 * MINUTE, "the look at 8 h would come too late"],
	])("of %d ms: due after %d ms, %s", (lifetime, due) => {
		expect(dueAfter(policy, lifetime)).toBe(due);
	});
});

describe("each heartbeat, if under 2 h are left", () => {
	const policy: RefreshPolicy = { every: undefined, before: 2 * HOUR };
	test.each<[lifetime: number, due: number]>([
		[8 * HOUR, 6 * HOUR],
		[3 * HOUR, 90 * MINUTE],
	])("of %d ms: due after %d ms", (lifetime, due) => {
		expect(dueAfter(policy, lifetime)).toBe(due);
	});
});

describe("the two habits, told look by look", () => {
	const lifetimes = fc.integer({ min: 4 * HOUR, max: 30 * 24 * HOUR });

	/** The first of the looks at which less than `before` is left; none if the end comes first. */
	function firstLook(lifetime: number, every: number, before: number): number | undefined {
		const looks = Array.from({ length: Math.ceil(lifetime / every) }, (_, index) => index * every);
		return looks.find((look) => lifetime - look <= before);
	}

	test("a look each 30 min, under 10 min: at that very look, and just in time where none would come", () =>
		fc.assert(
			fc.property(lifetimes, (lifetime) => {
				const habit = { every: 30 * MINUTE, before: 10 * MINUTE };
				const look = firstLook(lifetime, habit.every, habit.before);
				expect(dueAfter(habit, lifetime)).toBe(look ?? lifetime - habit.before);
			}),
		));

	test("a heartbeat, under 2 h: due at a beat just when the habit would refresh", () =>
		fc.assert(
			fc.property(lifetimes, fc.double({ min: 0, max: 1, noNaN: true }), (lifetime, share) => {
				const beat = Math.round(share * lifetime);
				const due = dueAfter({ every: undefined, before: 2 * HOUR }, lifetime) ?? Number.NaN;
				expect(due <= beat).toBe(lifetime - beat <= 2 * HOUR);
			}),
		));
});

describe("last call", () => {
	test.each<[lifetime: number, lastCall: number, left: number]>([
		[8 * HOUR, 30 * MINUTE, 30 * MINUTE],
		[HOUR, 30 * MINUTE, 7.5 * MINUTE],
		[8 * SECOND, 5 * MINUTE, SECOND],
	])("of %d ms, asked for %d: %d ms are left", (lifetime, lastCall, left) => {
		expect(lastCallAt(life(lifetime), lastCall)).toBe(T0 + lifetime - left);
	});

	test("never, for a token whose end is not known", () => {
		const endless: TokenLife = { obtainedAt: T0, expiresAt: undefined, jitter: 0 };
		expect(lastCallAt(endless, HOUR)).toBe(Number.POSITIVE_INFINITY);
	});
});

describe("whatever the settings", () => {
	const lifetimes = fc.integer({ min: SECOND, max: 400 * 24 * HOUR });
	const policies = fc.record<RefreshPolicy>({
		before: fc.option(fc.integer({ min: 1, max: 400 * 24 * HOUR }), { nil: undefined }),
		every: fc.option(fc.integer({ min: 0, max: 48 * HOUR }), { nil: undefined }),
	});
	const jitters = fc.double({ min: 0, max: 1, noNaN: true });

	test("due before the end, and not before a quarter of the life is over", () =>
		fc.assert(
			fc.property(policies, lifetimes, jitters, (policy, lifetime, jitter) => {
				const due = dueAfter(policy, lifetime, jitter) ?? Number.NaN;
				expect(due).toBeLessThan(lifetime);
				expect(due).toBeGreaterThanOrEqual(lifetime / 4);
			}),
		));

	test("chance moves it by 5 % of the margin at most, and only later", () =>
		fc.assert(
			fc.property(policies, lifetimes, jitters, ({ before }, lifetime, jitter) => {
				const policy = { before, every: undefined };
				const calm = dueAfter(policy, lifetime, 0) ?? Number.NaN;
				const moved = (dueAfter(policy, lifetime, jitter) ?? Number.NaN) - calm;
				expect(moved).toBeGreaterThanOrEqual(0);
				const most = 0.05 * refreshMargin(policy, life(lifetime));
				expect(moved).toBeLessThanOrEqual(most + 1);
			}),
		));
});
