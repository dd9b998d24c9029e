/** What happens in all stories, and in simulated worlds: every change of a durable record. */

import { readdirSync, readFileSync } from "node:fs";
import type { CustodyRecord } from "@baton/core/custody-state";
import type { PcRecord } from "@baton/core/handover-state";
import { CustodianActor } from "../scenarios/custodian-actor.ts";
import { PcActor } from "../scenarios/pc-actor.ts";
import { type Persisted, runTranscript } from "../scenarios/transcript.ts";
import { REAL_RULES, type Rules } from "../sim/rules.ts";
import { simulate } from "../sim/simulate.ts";

export interface Observed {
	readonly pc: readonly Persisted<PcRecord>[];
	readonly vps: readonly Persisted<CustodyRecord>[];
}

export function inStories(): Observed {
	const pc: PcActor[] = [];
	const vps: CustodianActor[] = [];
	for (const text of stories("handover")) runTranscript(text, () => kept(pc, new PcActor()));
	for (const text of stories("custody")) runTranscript(text, () => kept(vps, new CustodianActor()));
	return {
		pc: pc.flatMap(({ persisted }) => persisted),
		vps: vps.flatMap(({ persisted }) => persisted),
	};
}

function stories(folder: string): string[] {
	const path = new URL(`../scenarios/${folder}/`, import.meta.url);
	const files = readdirSync(path).filter((file) => file.endsWith(".txt"));
	return files.map((file) => readFileSync(new URL(file, path), "utf8"));
}

function kept<T>(list: T[], one: T): T {
	list.push(one);
	return one;
}

/** @param seeds how many worlds, from seed 1 on */
export function inWorlds(seeds: number): Observed {
	const pc: Persisted<PcRecord>[] = [];
	const vps: Persisted<CustodyRecord>[] = [];
	const rules: Rules = {
		...REAL_RULES,
		startCustody: (record, ...rest) => {
			const decision = REAL_RULES.startCustody(record, ...rest);
			vps.push({ before: record, after: decision.state.record });
			return decision;
		},
		decideCustody: (state, ...rest) => {
			const decision = REAL_RULES.decideCustody(state, ...rest);
			vps.push({ before: state.record, after: decision.state.record });
			return decision;
		},
		startHandover: (record, ...rest) => {
			const decision = REAL_RULES.startHandover(record, ...rest);
			pc.push({ before: record, after: decision.state.record });
			return decision;
		},
		decideHandover: (state, ...rest) => {
			const decision = REAL_RULES.decideHandover(state, ...rest);
			pc.push({ before: state.record, after: decision.state.record });
			return decision;
		},
	};
	for (let seed = 1; seed <= seeds; seed += 1) simulate(seed, rules);
	return { pc: pc.filter(isChange), vps: vps.filter(isChange) };
}

function isChange({ before, after }: Persisted<unknown>): boolean {
	return before !== after;
}
