/**
 * `npm run test:nodes -- [--json] [--node LINE]… [FILTER…]`: the demo and the tests of the built programs
 * under every line of Node that is supported, the floor first, or only under those named, such as 22. A
 * filter is vitest's: a part of a test file's path.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { otherArguments, printFacts } from "./facts-line.ts";
import { ROOT } from "./project.ts";
import { mustRun, run } from "./run.ts";
import { provideSystemPackages } from "./system-packages.ts";
import { countsLine, countTests, NOTHING_RAN, type TestCounts } from "./test-counts.ts";

/** The floor, and the newest of each later line when this was written. */
const VERSIONS = ["20.19.0", "22.23.3", "24.21.0"] as const;

const FOLDER = join(ROOT, "build/nodes");

function versionsOf(lines: readonly string[] | undefined): readonly string[] {
	if (lines === undefined) return VERSIONS;
	return lines.map((line) => {
		const version = VERSIONS.find((one) => one.split(".")[0] === line);
		if (version === undefined) throw new Error(`--node takes 20, 22 or 24, not ${line}`);
		return version;
	});
}

/** Brought by npm, as a package of its own; built programs and tests run by it alone. */
async function provideNode(version: string): Promise<string> {
	const name = `node-linux-${process.arch}`;
	const folder = join(FOLDER, version);
	const node = join(folder, "node_modules", name, "bin/node");
	if (existsSync(node)) return node;
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
	const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
	await mustRun(["npm", "install", "--prefix", folder, ...flags, `${name}@${version}`]);
	return node;
}

async function showsTheDemo(node: string, env: Record<string, string>): Promise<boolean> {
	const demo = [node, "--import", "tsx", "scripts/demo.ts", "--json"] as const;
	const { code, output } = await run(demo, { env });
	if (code !== 0) console.log(output);
	return code === 0;
}

async function runTests(
	node: string,
	env: Record<string, string>,
	filters: readonly string[],
): Promise<TestCounts> {
	const report = join(FOLDER, "vitest.json");
	rmSync(report, { force: true });
	const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
	const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
	const argv = [node, vitest, "run", "--project", "e2e", ...reporters, ...filters] as const;
	const { code } = await run(argv, { env, show: true });
	if (!existsSync(report)) return { ...NOTHING_RAN, failed: 1 };
	const counts = JSON.parse(readFileSync(report, "utf8"));
	return countTests({ ...counts, success: counts.success && code === 0 });
}

const { values, positionals: filters } = parseArgs({
	args: otherArguments(),
	options: { node: { type: "string", multiple: true } },
	allowPositionals: true,
});
const versions = versionsOf(values.node);
await provideSystemPackages();
await mustRun(["npm", "run", "--silent", "build"]);
const sum = { passed: 0, failed: 0, skipped: 0, demos: 0 };
for (const version of versions) {
	const node = await provideNode(version);
	// What is started by `#!/usr/bin/env node` is to run by it too.
	const env = { PATH: [dirname(node), process.env.PATH ?? ""].join(delimiter) };
	const shown = await showsTheDemo(node, env);
	const counts = await runTests(node, env, filters);
	console.log(`node ${version}: demo ${shown ? "ok" : "failed"}, ${countsLine(counts)}`);
	sum.demos += shown ? 1 : 0;
	sum.passed += counts.passed;
	sum.failed += counts.failed + (shown ? 0 : 1);
	sum.skipped += counts.skipped;
}
printFacts({ ok: sum.failed === 0, nodes: versions.length, ...sum });
process.exitCode = sum.failed > 0 ? 1 : 0;
