/**
 * `npm run sim -- --runs N --seed S [--json]`: the real decisions of both sides against simulated
 * worlds, spread over the cores. `--mutants` runs deliberate faults, each of which must be caught.
 * `--replay SEED` tells the story of one run. Exits with 1 if anything was violated, or a fault missed.
 */

import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
	addTally,
	catchMutant,
	emptyTally,
	runSeed,
	runSeeds,
	type Tally,
} from "../test/sim/campaign.ts";
import { MUTANTS } from "../test/sim/mutants.ts";
import { REAL_RULES } from "../test/sim/rules.ts";
import { otherArguments, printFacts } from "./facts-line.ts";

const { values } = parseArgs({
	args: otherArguments(),
	options: {
		runs: { type: "string", default: "2000" },
		seed: { type: "string", default: "1" },
		mutants: { type: "boolean", default: false },
		replay: { type: "string" },
		part: { type: "boolean", default: false },
		help: { type: "boolean", default: false },
	},
});

const BATCH = 100;
/** A fault that so many worlds do not show is missed. */
const MUTANT_RUNS = 30_000;

function count(name: string, text: string): number {
	const value = Number(text);
	if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number`);
	return value;
}

/** Runs one share of the seeds in a process of its own, telling of each batch. */
function runPart(first: number, runs: number, onBatch: (done: number) => void): Promise<Tally> {
	const args = ["--part", "--seed", String(first), "--runs", String(runs)];
	const child = fork(fileURLToPath(import.meta.url), args);
	return new Promise((resolve, reject) => {
		let tally: Tally | undefined;
		child.on("message", (message: { done?: number; tally?: Tally }) => {
			if (message.done !== undefined) onBatch(message.done);
			tally = message.tally ?? tally;
		});
		child.on("error", reject);
		child.on("exit", (code) => {
			if (tally !== undefined && code === 0) resolve(tally);
			else reject(new Error(`a part of the simulation ended with ${code}`));
		});
	});
}

function serveAsPart(first: number, runs: number): void {
	let done = 0;
	const tally = runSeeds(first, runs, () => {
		done += 1;
		if (done % BATCH === 0) process.send?.({ done: BATCH });
	});
	process.send?.({ tally });
}

async function runAll(first: number, runs: number): Promise<Tally> {
	const parts = Math.max(1, Math.min(availableParallelism(), runs));
	const share = Math.ceil(runs / parts);
	let done = 0;
	const started = performance.now();
	const onBatch = (batch: number) => {
		done += batch;
		if (done % Math.max(BATCH, Math.ceil(runs / 20 / BATCH) * BATCH) === 0) {
			const seconds = ((performance.now() - started) / 1000).toFixed(0);
			process.stderr.write(`${done} of ${runs} runs, ${seconds} s\n`);
		}
	};
	const shares = Array.from({ length: parts }, (_, part) => {
		const from = first + part * share;
		return runPart(from, Math.max(0, Math.min(share, first + runs - from)), onBatch);
	});
	const total = emptyTally();
	for (const tally of await Promise.all(shares)) addTally(total, tally);
	return total;
}

function report(total: Tally): void {
	const { failing, ...counts } = total;
	for (const [name, value] of Object.entries(counts)) console.log(`${name.padEnd(14)}${value}`);
	for (const { seed, what } of failing) console.log(`seed ${seed}: ${what}`);
	const [first] = failing;
	if (first !== undefined) replay(first.seed);
	printFacts({ ...counts, failing: failing.map(({ seed }) => String(seed)) });
	process.exitCode = total.violations === 0 ? 0 : 1;
}

function replay(seed: number): void {
	const story: string[] = [];
	const { violations } = runSeed(seed, REAL_RULES, story);
	console.log(`\nseed ${seed}, violations ${violations.length}\n${story.join("\n")}\n`);
	process.exitCode = violations.length === 0 ? 0 : 1;
}

function runMutants(first: number): void {
	const mutants = MUTANTS.map((mutant) => {
		const seed = catchMutant(mutant, first, MUTANT_RUNS);
		console.log(
			`${mutant.name.padEnd(30)}${seed === undefined ? "missed" : `caught by seed ${seed}`}`,
		);
		return { name: mutant.name, caught: seed !== undefined };
	});
	printFacts({ mutants });
	process.exitCode = mutants.every(({ caught }) => caught) ? 0 : 1;
}

const runs = count("runs", values.runs);
const seed = count("seed", values.seed);
if (values.help) {
	console.log("npm run sim -- [--runs N] [--seed S] [--mutants] [--replay SEED] [--json]");
} else if (values.part) serveAsPart(seed, runs);
else if (values.replay !== undefined) replay(count("replay", values.replay));
else if (values.mutants) runMutants(seed);
else report(await runAll(seed, runs));
