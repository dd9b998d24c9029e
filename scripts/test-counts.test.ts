import { expect, test } from "vitest";
import { countsLine, countTests, type Report } from "./test-counts.ts";

function report(success: boolean, ...files: [status: string, ...tests: string[]][]): Report {
	return {
		success,
		testResults: files.map(([status, ...tests], index) => ({
			name: `${index}.test.ts`,
			status,
			assertionResults: tests.map((status) => ({ fullName: `a test that ${status}`, status })),
		})),
	};
}

test.each([
	[
		"all well",
		report(true, ["passed", "passed", "passed"], ["passed", "passed"]),
		"3 passed, 0 failed",
	],
	["one failed", report(false, ["failed", "passed", "failed"]), "1 passed, 1 failed"],
	[
		"a file that did not load",
		report(false, ["passed", "passed"], ["failed"]),
		"1 passed, 1 failed",
	],
	["a file whose teardown failed", report(false, ["failed", "passed"]), "1 passed, 1 failed"],
	["an error outside of any test", report(false, ["passed", "passed"]), "1 passed, 1 failed"],
	[
		"skips and todos",
		report(true, ["passed", "passed", "skipped", "todo"]),
		"1 passed, 0 failed, 2 skipped",
	],
	["nothing", report(false), "0 passed, 0 failed"],
])("%s", (_, given, line) => {
	expect(countsLine(countTests(given))).toBe(line);
});

test("skips are told by name", () => {
	expect(countTests(report(true, ["passed", "passed", "skipped"])).skippedNames).toEqual([
		"a test that skipped",
	]);
});
