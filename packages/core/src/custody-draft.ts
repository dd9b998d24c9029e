/**
 * A decision in the making: the custody state with what has been changed so far. It lives within one
 * call of `decideCustody`; records and runs themselves are never changed in place.
 */

import type { CustodyRecord, CustodyRules, Lineage, Phase, Role, Run } from "./custody-state.ts";
import type { CustodyEffect, Note } from "./effect.ts";
import type { Fingerprint } from "./lineage.ts";

export interface Draft {
	record: CustodyRecord;
	run: Run;
	readonly rules: CustodyRules;
	/** What follows the persist, in order. */
	readonly effects: CustodyEffect[];
	/** Made last, so that it tells how things stand after everything else. */
	reply?: () => CustodyEffect;
}

export function change(draft: Draft, fields: Partial<CustodyRecord>): void {
	draft.record = { ...draft.record, ...fields };
}

export function remember(draft: Draft, fields: Partial<Run>): void {
	draft.run = { ...draft.run, ...fields };
}

export function changeLineage(draft: Draft, role: Role, fields: Partial<Lineage>): void {
	const lineage = draft.record[role];
	if (lineage !== undefined) change(draft, { [role]: { ...lineage, ...fields } });
}

/** A login that is settled needs no place kept free any more: the next one may be offered at once. */
export function freePlace(draft: Draft, fp: Fingerprint): void {
	if (draft.run.reservation?.fp === fp) remember(draft, { reservation: undefined });
}

export function enter(draft: Draft, role: Role, phase: Phase): void {
	changeLineage(draft, role, { phase });
}

export function note(
	draft: Draft,
	level: Note["level"],
	what: string,
	more: Partial<Note> = {},
): void {
	draft.effects.push({ ...more, type: "note", level, what });
}
