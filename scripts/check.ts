/**
 * `npm run check`: all that can be judged without running the programs. Every step is an npm script of
 * its own, so what fails here can be run alone; all of them run, also after one has failed.
 */
import { printFacts } from "./facts-line.ts";
import { run } from "./run.ts";

const STEPS = ["types", "lint", "arrows", "unused", "pack-check"];

const seconds = (since: number) => (performance.now() - since) / 1000;

async function passes(step: string): Promise<boolean> {
	const started = performance.now();
	const { code, output } = await run(["npm", "run", "--silent", step]);
	const verdict = code === 0 ? "ok" : "failed";
	console.log(`${step.padEnd(12)}${verdict.padEnd(8)}${seconds(started).toFixed(1)} s`);
	if (code !== 0) console.log(output.trimEnd());
	return code === 0;
}

const failing: string[] = [];
for (const step of STEPS) {
	if (!(await passes(step))) failing.push(step);
}

printFacts({ passed: STEPS.length - failing.length, failed: failing.length, failing });
process.exitCode = failing.length === 0 ? 0 : 1;
