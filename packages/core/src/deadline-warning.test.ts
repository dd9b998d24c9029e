import { expect, test } from "vitest";
import { deadlineWarning, isNewWarning, nextWarningAt } from "./deadline-warning.ts";
import { DAY, HOUR, MINUTE } from "./duration.ts";

const END = 1_800_000_000_000;

test.each<[string, number, number | undefined]>([
	["a month before", 30 * DAY, undefined],
	["just before the first", 14 * DAY + 1, undefined],
	["at the first", 14 * DAY, 14],
	["between two", 8 * DAY, 14],
	["at the second", 7 * DAY, 7],
	["at the third", 3 * DAY, 3],
	["a day and a minute before", DAY + MINUTE, 3],
	["at the last", DAY, 1],
	["a minute before", MINUTE, 1],
	["at the end", 0, undefined],
	["after it", -DAY, undefined],
])("%s", (_when, before, days) => {
	const warning = days === undefined ? undefined : { deadline: END, days };
	expect(deadlineWarning(END, END - before)).toEqual(warning);
});

test("a login whose end is not known is never warned of", () => {
	expect(deadlineWarning(undefined, END)).toBeUndefined();
	expect(nextWarningAt(undefined, END)).toBe(Number.POSITIVE_INFINITY);
});

test.each<[string, number, number, boolean]>([
	["the next one", 3, END, true],
	["the same again", 7, END, false],
	["one before it, as after a clock that stepped back", 14, END, false],
	["the same, of an end that moved by an hour", 7, END + HOUR, false],
	["the first of a later end", 14, END + 30 * DAY, true],
	["the same of a later end", 7, END + 30 * DAY, true],
])("after the warning of seven days: %s", (_what, days, deadline, isNew) => {
	expect(isNewWarning({ deadline, days }, { deadline: END, days: 7 })).toBe(isNew);
});

test("every warning is due once, however often one looks", () => {
	const given: number[] = [];
	let last: ReturnType<typeof deadlineWarning>;
	for (let now = END - 30 * DAY; now < END + DAY; now += HOUR) {
		const warning = deadlineWarning(END, now);
		if (warning === undefined || !isNewWarning(warning, last)) continue;
		given.push(warning.days);
		last = warning;
	}
	expect(given).toEqual([14, 7, 3, 1]);
});

test("a look is due at each, and at none after the last", () => {
	expect(nextWarningAt(END, END - 30 * DAY)).toBe(END - 14 * DAY);
	expect(nextWarningAt(END, END - 14 * DAY)).toBe(END - 7 * DAY);
	expect(nextWarningAt(END, END - DAY)).toBe(Number.POSITIVE_INFINITY);
});
