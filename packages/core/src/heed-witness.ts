/**
 * A generation the PC was told and we do not remember means that our state is older than the world: a
 * snapshot was put back. The proof shows that it was this custodian who told.
 */

import { change, type Draft, note, remember } from "./custody-draft.ts";
import type { Phase, Role } from "./custody-state.ts";
import { generationProof } from "./lineage.ts";
import type { Witness } from "./protocol.ts";
import { settleSpent } from "./settle-refresh.ts";

/** A witness whose proof is not ours is nobody's, and is not heeded. */
export function heedWitness(draft: Draft, witnesses: readonly Witness[], now: number): void {
	for (const witness of witnesses) {
		const { lineageId, generation, proof } = witness;
		if (isOldNews(draft, witness)) continue;
		if (proof !== generationProof(draft.record.proofKey, lineageId, generation)) continue;
		heedOne(draft, witness, now);
	}
}

/** Of a login that is here no more, and no further than we remember: true or not, nothing follows. */
function isOldNews({ record }: Draft, { lineageId, generation }: Witness): boolean {
	const { current, staged, lineages } = record;
	const isHere = current?.lineageId === lineageId || staged?.lineageId === lineageId;
	return !isHere && generation <= (lineages[lineageId] ?? 0);
}

/** What was heard while a token was under way, once its outcome has settled. */
export function heedDeferred(draft: Draft, now: number): void {
	const { deferred } = draft.run;
	remember(draft, { deferred: [] });
	for (const witness of deferred) heedOne(draft, witness, now);
}

function heedOne(draft: Draft, witness: Witness, now: number): void {
	const { lineageId, generation } = witness;
	const { current, staged, lineages } = draft.record;
	const role = underWay(draft);
	if (staged?.lineageId === lineageId && role !== "staged") settleSpent(draft, staged, now);
	if (generation <= (lineages[lineageId] ?? 0)) {
		if (current?.lineageId === lineageId) remember(draft, { witnessAgrees: true });
		return;
	}
	// The outcome may be this very generation.
	if (role === "current" || (role === "staged" && staged?.lineageId === lineageId)) {
		return remember(draft, { deferred: [...draft.run.deferred, witness].slice(-DEFERRED_MAX) });
	}
	change(draft, { lineages: { ...lineages, [lineageId]: generation } });
	if (current === undefined || OVER.includes(current.phase.name)) return;
	change(draft, {
		current: { ...current, phase: { name: "rolled-back", witnessed: generation, since: now } },
	});
	note(draft, "warn", "rolled-back", { lineageId, generation, fp: current.fp });
}

/** Nothing of it is spent, whatever a witness knows. */
const OVER: readonly Phase["name"][] = ["needs-login", "revoking"];

const DEFERRED_MAX = 32;

/** Whose new tokens a refresh or a harvest may bring at any moment. */
function underWay(draft: Draft): Role | undefined {
	const { operation } = draft.run;
	const bringsTokens = operation?.kind === "refresh" || operation?.kind === "harvest";
	return bringsTokens ? operation.role : undefined;
}
