/**
 * `npm test`: sets up what the tests need, builds, runs them all and ends with a line of its own,
 * `N passed, N failed`. What follows `--` goes to vitest: `npm test -- test/e2e -t receipt`.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { otherArguments, printFacts } from "./facts-line.ts";
import { ROOT } from "./project.ts";
import { run } from "./run.ts";
import { canInstall, provideSystemPackages } from "./system-packages.ts";
import { countsLine, countTests, NOTHING_RAN, type TestCounts } from "./test-counts.ts";

const REPORT = join(ROOT, "build/vitest.json");
const filters = otherArguments();

async function builds(): Promise<boolean> {
	const { code, output } = await run(["npm", "run", "--silent", "build"]);
	console.log(code === 0 ? "built" : `the build failed, so no test ran\n${output.trimEnd()}`);
	return code === 0;
}

async function runTests(): Promise<TestCounts> {
	rmSync(REPORT, { force: true });
	mkdirSync(join(ROOT, "build"), { recursive: true });
	const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${REPORT}`];
	const vitest = join(ROOT, "node_modules/.bin/vitest");
	const { code } = await run([vitest, "run", ...reporters, ...filters], { show: true });
	try {
		const report = JSON.parse(readFileSync(REPORT, "utf8"));
		return countTests({ ...report, success: report.success && code === 0 });
	} catch {
		console.log(`vitest ended with ${code} and left no report`);
		return { ...NOTHING_RAN, failed: 1 };
	}
}

/** Why the run is no success, beyond a test that failed. */
function objection({ passed, failed, skipped, skippedNames }: TestCounts): string | undefined {
	if (passed + failed === 0) return "no test ran";
	// A filter by name makes vitest call all others skipped.
	if (skipped === 0 || !canInstall() || filters.length > 0) return undefined;
	return [`as root on Debian no test may skip, these did:`, ...skippedNames].join("\n  ");
}

await provideSystemPackages();
const counts = (await builds()) ? await runTests() : NOTHING_RAN;
const why = objection(counts);
if (why !== undefined) console.log(why);
console.log(countsLine(counts));
const { passed, failed, skipped } = counts;
printFacts({ passed, failed, skipped });
process.exitCode = failed > 0 || why !== undefined ? 1 : 0;
