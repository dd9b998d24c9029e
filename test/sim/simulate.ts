/**
 * One run: a world drawn from a seed, some days in which everything goes wrong, and a calm end after
 * which all must be well.
 */

import { DAY, HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { Claude } from "./claude.ts";
import { type Counts, Oracle } from "./oracle.ts";
import { PcNode } from "./pc-node.ts";
import { Person } from "./person.ts";
import { drawSemantics, Provider } from "./provider.ts";
import { Random } from "./random.ts";
import { REAL_RULES, type Rules } from "./rules.ts";
import { Timeline } from "./timeline.ts";
import { VpsNode } from "./vps-node.ts";
import { CALM, type Faults, type World } from "./world.ts";

export interface RunResult {
	readonly seed: number;
	readonly violations: readonly string[];
	readonly counts: Counts;
}

const START = 1_800_000_000_000;

/** @param transcript where the run's story goes, if one is wanted */
export function simulate(
	seed: number,
	rules: Rules = REAL_RULES,
	transcript?: string[],
): RunResult {
	const random = new Random(seed);
	const timeline = new Timeline(START);
	const tell = (line: () => string) => {
		transcript?.push(`${stamp(timeline.now - START)} ${line()}`);
	};
	const semantics = drawSemantics(random);
	tell(() => JSON.stringify(semantics));
	const provider = new Provider(semantics, timeline, random);
	const oracle = new Oracle(tell);
	const world: World = {
		timeline,
		random,
		provider,
		oracle,
		rules,
		faults: drawFaults(random),
		// Not drawn, so that the worlds without it stay what they were.
		byClaude: seed % 3 === 0,
		vps: () => vps,
		tell,
	};
	const vps: VpsNode = new VpsNode(world);
	const pcs = drawPcs(world, vps);
	oracle.watch(provider, vps, pcs);

	vps.start();
	if (rules.twoServices) timeline.after(HOUR, () => vps.start(true));
	for (const pc of pcs) pc.start();
	const people = pcs.map((pc) => new Person(pc, new Claude(pc, world), vps, world));
	for (const person of people) person.live();

	timeline.runUntil(START + random.pick([3 * HOUR, 10 * HOUR, 30 * HOUR]));
	calmDown(world, vps, pcs, people);
	timeline.runUntil(timeline.now + 3 * semantics.lifetime + 8 * HOUR);
	oracle.settled(timeline.now);
	return { seed, violations: oracle.violations, counts: oracle.counts };
}

function drawPcs(world: World, vps: VpsNode): PcNode[] {
	const { random } = world;
	const mode = () => random.pick(["dedicated", "follow-login", "follow-login"] as const);
	const pcs = [new PcNode("pc", world, vps, mode())];
	if (random.chance(0.35)) pcs.push(new PcNode("pc2", world, vps, mode()));
	return pcs;
}

/** Most runs are troubled in a few ways only, so that each way gets its turn at its worst. */
function drawFaults(random: Random): Faults {
	const faults: Faults = { ...CALM };
	for (const kind of Object.keys(faults) as (keyof Faults)[]) {
		if (random.chance(0.35)) faults[kind] = random.pick([0.005, 0.02, 0.1]);
	}
	faults.crash = Math.min(faults.crash, 0.03);
	faults.messageLost *= 2;
	return faults;
}

function calmDown(
	world: World,
	vps: VpsNode,
	pcs: readonly PcNode[],
	people: readonly Person[],
): void {
	world.tell(() => "calm");
	world.faults = { ...CALM };
	world.provider.downUntil = 0;
	for (const person of people) person.rest();
	vps.start();
	for (const pc of pcs) pc.start();
}

function stamp(ms: number): string {
	const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
	const day = Math.floor(ms / DAY);
	return `${day}d ${two((ms % DAY) / HOUR)}:${two((ms % HOUR) / MINUTE)}:${two((ms % MINUTE) / SECOND)}`;
}
