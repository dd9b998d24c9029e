/** Many runs, and what they add up to. */

import type { Mutant } from "./mutants.ts";
import type { Counts } from "./oracle.ts";
import { REAL_RULES, type Rules } from "./rules.ts";
import { type RunResult, simulate } from "./simulate.ts";

export interface Tally extends Counts {
	runs: number;
	violations: number;
	/** Seeds that violated, the first few, with what they did. */
	failing: { readonly seed: number; readonly what: string }[];
}

const FAILING_MAX = 20;

const NO_COUNTS: Counts = {
	spentTwice: 0,
	lateReplays: 0,
	lost: 0,
	lostInFlight: 0,
	unknowable: 0,
	claims: 0,
	rotations: 0,
};

export function emptyTally(): Tally {
	return { ...NO_COUNTS, runs: 0, violations: 0, failing: [] };
}

export function runSeeds(first: number, runs: number, onRun: () => void = () => undefined): Tally {
	const tally = emptyTally();
	for (let seed = first; seed < first + runs; seed += 1) {
		addRun(tally, runSeed(seed, REAL_RULES));
		onRun();
	}
	return tally;
}

/** A run that throws, or never rests, is a violation like any other. */
export function runSeed(seed: number, rules: Rules, transcript?: string[]): RunResult {
	try {
		return simulate(seed, rules, transcript);
	} catch (error) {
		const what = error instanceof Error ? error.message : "threw";
		return { seed, violations: [what], counts: NO_COUNTS };
	}
}

function addRun(tally: Tally, { seed, violations, counts }: RunResult): void {
	tally.runs += 1;
	tally.violations += violations.length;
	for (const kind of Object.keys(counts) as (keyof Counts)[]) {
		tally[kind] += counts[kind];
	}
	const [what] = violations;
	if (what !== undefined && tally.failing.length < FAILING_MAX) tally.failing.push({ seed, what });
}

export function addTally(total: Tally, part: Tally): void {
	for (const kind of Object.keys(total) as (keyof Tally)[]) {
		if (kind !== "failing") total[kind] += part[kind];
	}
	total.failing = [...total.failing, ...part.failing].slice(0, FAILING_MAX);
}

/** @returns the seed that caught it, or undefined if none of so many did */
export function catchMutant({ rules }: Mutant, first: number, most: number): number | undefined {
	for (let seed = first; seed < first + most; seed += 1) {
		if (runSeed(seed, rules).violations.length > 0) return seed;
	}
	return undefined;
}
