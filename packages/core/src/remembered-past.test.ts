import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CustodyRecord, emptyRecord, type Past } from "./custody-state.ts";
import { DAY } from "./duration.ts";
import { FADES_AFTER, hasFaded, isUsedUp, withinBounds } from "./remembered-past.ts";

const NOW = 1_900_000_000_000;
const OLD = NOW - FADES_AFTER - 1;
const lineageId = "0".repeat(16);
const fp = (n: number) => `${n.toString(16).padStart(16, "0")}${"ab".repeat(24)}`;

function recordOf(pasts: readonly Past[]): CustodyRecord {
	const past = Object.fromEntries(pasts.map((was, n) => [fp(n), was]));
	return { ...emptyRecord("default", "00".repeat(32)), past };
}

const was = (name: "claimed" | "retired" | "spent", at: number): Past => ({
	was: name,
	lineageId,
	at,
});

test("a record that is small and young is left as it is", () => {
	const record = recordOf([was("retired", NOW - 90 * DAY), { was: "withdrawn", at: OLD }]);
	expect(withinBounds(record, NOW)).toBe(record);
});

test("what was retired or spent long ago loses its detail, never its place", () => {
	const record = recordOf([was("retired", OLD), was("spent", OLD), was("retired", NOW)]);
	const after = withinBounds(record, NOW);
	expect(Object.keys(after.past)).toEqual([fp(2)]);
	expect(after.faded).toEqual([fp(0).slice(0, 16), fp(1).slice(0, 16)]);
	expect([0, 1, 2].map((n) => isUsedUp(after, fp(n)))).toEqual([true, true, true]);
	expect([0, 1, 2, 3].map((n) => hasFaded(after, fp(n)))).toEqual([true, true, false, false]);
});

test("a claim is remembered whole, however old", () => {
	const record = recordOf([was("claimed", 0)]);
	expect(withinBounds(record, NOW)).toBe(record);
});

describe("what devices can bring about without end is bounded", () => {
	const many = (past: Past) => recordOf(Array.from({ length: 1_002 }, () => past));

	test.each<[Past]>([
		[{ was: "withdrawn", at: NOW }],
		[{ was: "not-taken", reason: "dead", at: NOW }],
	])("of %o the oldest give way", (past) => {
		const after = withinBounds(many(past), NOW);
		expect(Object.keys(after.past)).toHaveLength(1_000);
		expect([after.past[fp(1)], after.past[fp(2)]]).toEqual([undefined, past]);
		expect(after.faded).toEqual([]);
	});

	test("of what was spent the oldest lose their detail", () => {
		const after = withinBounds(many(was("spent", NOW)), NOW);
		expect(Object.keys(after.past)).toHaveLength(1_000);
		expect(isUsedUp(after, fp(0)) && isUsedUp(after, fp(1))).toBe(true);
	});
});

test("used up once is used up for ever, whatever time does", () =>
	fc.assert(
		fc.property(
			fc.array(fc.constantFrom("claimed" as const, "retired" as const, "spent" as const), {
				minLength: 1,
				maxLength: 30,
			}),
			fc.array(fc.integer({ min: -400, max: 4_000 }), { minLength: 1, maxLength: 10 }),
			(names, days) => {
				const start = recordOf(names.map((name, n) => was(name, NOW + n * DAY)));
				const end = days.reduce((record, day) => withinBounds(record, NOW + day * DAY), start);
				for (const n of names.keys()) expect(isUsedUp(end, fp(n))).toBe(true);
				expect(withinBounds(end, NOW + (days.at(-1) ?? 0) * DAY)).toBe(end);
			},
		),
	));
