/** The ways that durable records take from state to state, for the diagrams in `docs`. */

import type { CustodyRecord, Past, Role } from "@baton/core/custody-state";
import type { PcRecord } from "@baton/core/handover-state";
import { type Fingerprint, lineageIdOf } from "@baton/core/lineage";
import type { Persisted } from "../scenarios/transcript.ts";

/** How mermaid names the beginning and the end of everything. */
export const NOWHERE = "[*]";

/** A hand-over that is not in the record has not begun, or is over. */
export function handoverTransitions({ before, after }: Persisted<PcRecord>): string[] {
	return transitions(stepsOf(before), stepsOf(after));
}

function stepsOf({ handovers }: PcRecord): Map<Fingerprint, string> {
	return new Map(handovers.map(({ fp, step }) => [fp, step]));
}

/** From the delivery of a login until it is the current one, or never will be. */
export function stagedTransitions({ before, after }: Persisted<CustodyRecord>): string[] {
	const held = new Set([before.current?.firstFp]);
	return transitions(unclaimed(before), unclaimed(after), held);
}

function unclaimed(record: CustodyRecord): Map<Fingerprint, string> {
	return new Map([
		...tombstones(record),
		...phaseOf(record, "current"),
		...phaseOf(record, "staged"),
	]);
}

/** From the claim of a login until another one takes its place. */
export function currentTransitions({ before, after }: Persisted<CustodyRecord>): string[] {
	return transitions(phaseOf(before, "current"), phaseOf(after, "current"));
}

function phaseOf(record: CustodyRecord, role: Role): Map<Fingerprint, string> {
	const lineage = record[role];
	return new Map(lineage === undefined ? [] : [[lineage.firstFp, lineage.phase.name]]);
}

function tombstones({ past }: CustodyRecord): [Fingerprint, string][] {
	return Object.entries(past).flatMap(([fp, one]) => (isTombstone(fp, one) ? [[fp, one.was]] : []));
}

/** Of a login as it was delivered, and not of a rotation of it. */
function isTombstone(fp: Fingerprint, past: Past): boolean {
	if (past.was === "spent") return past.lineageId === lineageIdOf(fp);
	return past.was === "not-taken" || past.was === "withdrawn";
}

function transitions(
	before: ReadonlyMap<Fingerprint, string>,
	after: ReadonlyMap<Fingerprint, string>,
	except: ReadonlySet<Fingerprint | undefined> = new Set(),
): string[] {
	const all = [...new Set([...before.keys(), ...after.keys()])].filter((fp) => !except.has(fp));
	return all.flatMap((fp) => {
		const [from, to] = [before.get(fp) ?? NOWHERE, after.get(fp) ?? NOWHERE];
		return from === to ? [] : [transition(from, to)];
	});
}

export function transition(from: string, to: string): string {
	return `${from} --> ${to}`;
}
