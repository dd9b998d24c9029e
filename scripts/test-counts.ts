/** How a test run went, counted from what vitest's JSON reporter wrote. */

/** The part of the report that is read here. */
export interface Report {
	success: boolean;
	testResults: {
		name: string;
		status: string;
		assertionResults: { fullName: string; status: string }[];
	}[];
}

export interface TestCounts {
	passed: number;
	failed: number;
	skipped: number;
	/** Full names of the tests that did not run. */
	skippedNames: string[];
}

export function countTests({ success, testResults }: Report): TestCounts {
	const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
	const passed = tests.filter(({ status }) => status === "passed").length;
	const broken = testResults.filter(isBroken).length;
	const failed = tests.filter(({ status }) => status === "failed").length + broken;
	const skippedNames = tests.filter(isSkipped).map(({ fullName }) => fullName);
	return {
		passed,
		// An error outside of any test: vitest fails the run, but no test bears it. It also fails a run
		// of nothing, which is for the caller to judge.
		failed: failed === 0 && !success && tests.length > 0 ? 1 : failed,
		skipped: skippedNames.length,
		skippedNames,
	};
}

/** A file that could not even be loaded fails, though no test of it did. */
function isBroken({ status, assertionResults }: Report["testResults"][number]): boolean {
	return status === "failed" && !assertionResults.some((test) => test.status === "failed");
}

function isSkipped({ status }: { status: string }): boolean {
	return status !== "passed" && status !== "failed";
}

/** The last line of a run. */
export function countsLine({ passed, failed, skipped }: TestCounts): string {
	const counts = `${passed} passed, ${failed} failed`;
	return skipped > 0 ? `${counts}, ${skipped} skipped` : counts;
}

export const NOTHING_RAN: TestCounts = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
