/**
 * A decision in the making on the PC; lives within one call of `decideHandover`.
 */

import { type BackoffTable, backoffDelay, HOST_BACKOFF } from "./backoff.ts";
import type { HandoverEffect, Note } from "./effect.ts";
import {
	type EscrowFacts,
	type Handover,
	type Host,
	type HostMemory,
	isInCustodyOrTransit,
	type Known,
	NEW_HOST,
	NO_WAIT,
	type PcRecord,
	type PcRules,
	type PcRun,
	type StoreId,
} from "./handover-state.ts";
import { type Fingerprint, fingerprint, lineageIdOf } from "./lineage.ts";
import type { ArmedSession } from "./session.ts";

export interface PcDraft {
	record: PcRecord;
	run: PcRun;
	readonly rules: PcRules;
	/** What comes even before the persist. */
	readonly first: HandoverEffect[];
	/** What follows the persist, in order. */
	readonly effects: HandoverEffect[];
	/** What is done under the locks, each on the strength of the one before: last, for it may fail. */
	readonly underLock: HandoverEffect[];
}

export function changePc(draft: PcDraft, fields: Partial<PcRecord>): void {
	draft.record = { ...draft.record, ...fields };
}

export function rememberPc(draft: PcDraft, fields: Partial<PcRun>): void {
	draft.run = { ...draft.run, ...fields };
}

export function notePc(
	draft: PcDraft,
	level: Note["level"],
	what: string,
	more: Partial<Note> = {},
): void {
	draft.effects.push({ ...more, type: "note", level, what });
}

export function handoverOf(draft: Pick<PcDraft, "record">, fp: Fingerprint): Handover | undefined {
	return draft.record.handovers.find((handover) => handover.fp === fp);
}

export function changeHandover(draft: PcDraft, fp: Fingerprint, fields: Partial<Handover>): void {
	changePc(draft, {
		handovers: draft.record.handovers.map((handover) =>
			handover.fp === fp ? { ...handover, ...fields } : handover,
		),
	});
}

export function addHandover(draft: PcDraft, handover: Handover): void {
	const others = draft.record.handovers.filter(({ fp }) => fp !== handover.fp);
	changePc(draft, { handovers: [...others, handover] });
}

export function dropHandover(draft: PcDraft, fp: Fingerprint): void {
	changePc(draft, { handovers: draft.record.handovers.filter((handover) => handover.fp !== fp) });
	const { [fp]: _wait, ...waits } = draft.run.waits;
	const { [fp]: _nonce, ...nonces } = draft.run.nonces;
	const { [fp]: _unknown, ...unknown } = draft.run.unknown;
	rememberPc(draft, { waits, nonces, unknown });
}

export function know(
	draft: PcDraft,
	fp: Fingerprint,
	was: Known["was"],
	host: Host,
	now: number,
	reason?: Known["reason"],
): void {
	if (draft.record.known[fp]?.was === was) return;
	const memory: Known = { host, was, at: now, ...(reason === undefined ? {} : { reason }) };
	changePc(draft, { known: { ...draft.record.known, [fp]: memory } });
}

/** A login in custody or on its way there: if a store shows it, that is a copy. */
export function isOurs(draft: Pick<PcDraft, "record">, fp: Fingerprint): boolean {
	const was = draft.record.known[fp]?.was;
	if (was === "handed-over" || was === "in-custody") return true;
	const handover = handoverOf(draft, fp);
	return handover !== undefined && isInCustodyOrTransit(handover.step);
}

export function hostMemory(draft: Pick<PcDraft, "record">, host: Host): HostMemory {
	return draft.record.hosts[host] ?? NEW_HOST;
}

export function changeHost(draft: PcDraft, host: Host, fields: Partial<HostMemory>): void {
	changePc(draft, {
		hosts: { ...draft.record.hosts, [host]: { ...hostMemory(draft, host), ...fields } },
	});
}

export function escrowFacts(session: ArmedSession, host: Host, store: StoreId): EscrowFacts {
	return {
		fp: fingerprint(session.refreshToken),
		accessFp: fingerprint(session.accessToken),
		host,
		store,
		account: session.account,
		expiresAt: session.expiresAt,
		deadline: session.deadline,
	};
}

export function newHandover(
	facts: EscrowFacts,
	step: Handover["step"],
	replace: boolean,
	now: number,
): Handover {
	return {
		...facts,
		lineageId: lineageIdOf(facts.fp),
		replace,
		step,
		since: now,
		takeBack: undefined,
		reason: undefined,
		putBackBegun: false,
	};
}

/** Waits a little longer before this login's next request. */
export function postpone(
	draft: PcDraft,
	fp: Fingerprint,
	table: BackoffTable,
	now: number,
	random: number,
): void {
	const attempts = (draft.run.waits[fp] ?? NO_WAIT).attempts + 1;
	const at = now + backoffDelay(table, attempts, random);
	rememberPc(draft, { waits: { ...draft.run.waits, [fp]: { attempts, at } } });
}

/** This login's next request may go at once. If it leads nowhere, the wait after it is a longer one. */
export function hasten(draft: PcDraft, fp: Fingerprint): void {
	const { attempts } = draft.run.waits[fp] ?? NO_WAIT;
	rememberPc(draft, { waits: { ...draft.run.waits, [fp]: { attempts, at: 0 } } });
}

export function forgetWait(draft: PcDraft, fp: Fingerprint): void {
	const { [fp]: _wait, ...waits } = draft.run.waits;
	rememberPc(draft, { waits });
}

/** Not a word to this host for a while. @returns how often in a row that was so */
export function avoidHost(draft: PcDraft, host: Host, now: number, random: number): number {
	const attempts = (draft.run.links[host] ?? NO_WAIT).attempts + 1;
	const at = now + backoffDelay(HOST_BACKOFF, attempts, random);
	rememberPc(draft, { links: { ...draft.run.links, [host]: { attempts, at } } });
	return attempts;
}

export function eraseEscrow(draft: PcDraft, fp: Fingerprint): void {
	rememberPc(draft, { erasing: [...draft.run.erasing, fp] });
	draft.effects.push({ type: "erase-escrow", fp });
}
