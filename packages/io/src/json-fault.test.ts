import { expect, it } from "vitest";
import { jsonFault } from "./json-fault.ts";

const isJson = (text: string) => {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
};

it.each([
	"{}",
	"[]",
	' {"a":[1,-0.5e+3,true,null,"\\u00e9\\n\u007f\u2028"],"b":{}}\r\n',
	'"a"',
	"0",
])("finds none in %j", (text) => {
	expect(isJson(text)).toBe(true);
	expect(jsonFault(text)).toBeUndefined();
});

it.each<[string, number, number]>([
	["", 1, 1],
	["{", 1, 2],
	['{\n  "a": 1,\n}', 3, 1],
	['{\n\t"a": 1\n\t"b": 2\n}', 3, 2],
	['{"a": tru}', 1, 7],
	['{"a": truey}', 1, 7],
	['{"a": 01}', 1, 7],
	['{"a": 1.}', 1, 7],
	["{a: 1}", 1, 2],
	["{'a': 1}", 1, 2],
	['{"a" 1}', 1, 6],
	['["a\\x"]', 1, 2],
	['["a\n"]', 1, 2],
	["[1 2]", 1, 4],
	["[1,,2]", 1, 4],
	["[1] // why", 1, 5],
	["{} {}", 1, 4],
	["\ufeff{}", 1, 1],
	['["é", x]', 1, 7],
])("finds the one in %j", (text, line, column) => {
	expect(isJson(text)).toBe(false);
	expect(jsonFault(text)).toEqual({ line, column });
});

it("is not led too deep", () => {
	expect(jsonFault("[".repeat(200_000))).toEqual({ line: 1, column: 501 });
});
