import { expect, test } from "vitest";
import { DAY, formatDuration, HOUR, MINUTE, parseDuration, SECOND } from "./duration.ts";

test.each<[text: string, ms: number | undefined]>([
	["250ms", 250],
	["90s", 90 * SECOND],
	["10m", 10 * MINUTE],
	["2h", 2 * HOUR],
	["7d", 7 * DAY],
	["1.5h", 90 * MINUTE],
	[" 2h ", 2 * HOUR],
	["0s", 0],
	["2 h", undefined],
	["2", undefined],
	["h", undefined],
	["-2h", undefined],
	["1e3s", undefined],
	["2h30m", undefined],
	["", undefined],
	["2w", undefined],
])("parseDuration(%j) is %j", (text, ms) => {
	expect(parseDuration(text)).toBe(ms);
});

test.each<[ms: number, text: string]>([
	[0, "0 s"],
	[-5, "0 s"],
	[999, "0 s"],
	[40 * SECOND, "40 s"],
	[59_999, "59 s"],
	[MINUTE, "1 min"],
	[HOUR - 1, "59 min"],
	[HOUR, "1 h"],
	[2 * HOUR + 5 * MINUTE, "2 h 5 min"],
	[47 * HOUR, "47 h"],
	[2 * DAY, "2 days"],
	[3 * DAY + 23 * HOUR, "3 days"],
])("formatDuration(%d) is %j", (ms, text) => {
	expect(formatDuration(ms)).toBe(text);
});
