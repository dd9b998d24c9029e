/**
 * What the PC does next: which store to lock for what, and which request each host is due.
 */

import type { OutgoingRequest } from "./effect.ts";
import { hostMemory } from "./handover-draft.ts";
import {
	type Handover,
	type Host,
	type LockPurpose,
	NO_WAIT,
	type PcState,
	type StoreId,
} from "./handover-state.ts";
import type { Fingerprint } from "./lineage.ts";
import { PROTOCOL_VERSION, type Request, type Witness } from "./protocol.ts";

const NEVER = Number.POSITIVE_INFINITY;

// Stores

export interface LockPlan {
	readonly store: StoreId;
	readonly purpose: LockPurpose;
	readonly fp: Fingerprint;
}

/** The store operation that is due, one at a time: first what came back, then what is under way. */
export function planLock(state: PcState, now: number): LockPlan | undefined {
	if (state.run.lock !== undefined) return undefined;
	return lockPlans(state).find(({ store }) => now >= lockWaitOf(state, store));
}

function lockPlans(state: PcState): LockPlan[] {
	const copies = Object.entries(state.run.copies).map(
		([store, fp]): LockPlan => ({ store, purpose: "disarm", fp }),
	);
	const steps = state.record.handovers.flatMap((handover): LockPlan[] => {
		const { step, store, fp } = handover;
		if (step === "taking") return mayTake(state, handover) ? [{ store, purpose: "take", fp }] : [];
		return step === "putting-back" ? [{ store, purpose: "put-back", fp }] : [];
	});
	return [...copies, ...steps];
}

/** For a host that left the settings nothing is taken; a take that was begun is seen to its end. */
function mayTake({ rules, run }: PcState, { host, fp }: Handover): boolean {
	return rules.hosts[host] !== undefined || run.escrows.includes(fp);
}

function lockWaitOf(state: PcState, store: StoreId): number {
	return (state.run.lockWaits[store] ?? NO_WAIT).at;
}

function lockWake(state: PcState): number {
	if (state.run.lock !== undefined) return NEVER;
	return Math.min(NEVER, ...lockPlans(state).map(({ store }) => lockWaitOf(state, store)));
}

// Escrow

/** Logins whose copy in escrow is to be erased now. */
export function planErasures(state: PcState, now: number): Fingerprint[] {
	return state.record.handovers
		.filter(
			({ step, fp }) =>
				mayErase(step) && !state.run.erasing.includes(fp) && waitOf(state, fp) <= now,
		)
		.map(({ fp }) => fp);
}

function mayErase(step: Handover["step"]): boolean {
	return step === "claimed" || step === "put-back" || step === "discarding";
}

/** Sealed and kept logins that have reached their own end: nobody could use them any more. */
export function planDiscards(state: PcState, now: number): Fingerprint[] {
	return state.record.handovers
		.filter(({ step, deadline }) => mayEnd(step) && deadline !== undefined && deadline <= now)
		.map(({ fp }) => fp);
}

function mayEnd(step: Handover["step"]): boolean {
	return step === "sealed" || step === "kept";
}

// Requests

/** What is to be said to this host now, or undefined. */
export function planRequest(state: PcState, host: Host, now: number): OutgoingRequest | undefined {
	const { outstanding, links, statusAt, confirms } = state.run;
	if (outstanding[host] !== undefined || now < (links[host] ?? NO_WAIT).at) return undefined;
	const handover = state.record.handovers.find(
		(one) => one.host === host && isDue(state, one, now),
	);
	if (handover !== undefined) return requestFor(state, handover, now);
	const forced = toWithdraw(state, host).find((fp) => waitOf(state, fp) <= now);
	if (forced !== undefined) return { ...contact(state, host), type: "withdraw", fp: forced };
	const [erased] = Object.entries(confirms).filter(([, at]) => at === host);
	if (erased !== undefined) return { ...contact(state, host), type: "erased", fp: erased[0] };
	if (now >= (statusAt[host] ?? 0)) return { ...contact(state, host), type: "status" };
	return undefined;
}

/** Logins taken back by force that this host has not promised to leave alone. */
function toWithdraw(state: PcState, host: Host): Fingerprint[] {
	const known = Object.entries(state.record.known);
	return known.filter(([, one]) => one.host === host && one.toWithdraw).map(([fp]) => fp);
}

function isDue(state: PcState, { step, fp }: Handover, now: number): boolean {
	return (step === "pending" || step === "taken") && waitOf(state, fp) <= now;
}

function requestFor(state: PcState, handover: Handover, now: number): OutgoingRequest {
	const { fp, host, step } = handover;
	const base = contact(state, host);
	if (step === "pending") return offerFor(base, handover, now);
	if (handover.takeBack !== undefined) return { ...base, type: "withdraw", fp };
	const nonce = state.run.nonces[fp];
	if (nonce !== undefined) return { ...base, type: "deliver", fp, nonce, now };
	if (state.run.unknown[fp]) return offerFor(base, handover, now);
	return { ...base, type: "custody", fp };
}

type Contact = Pick<Request, "v" | "id" | "name" | "holds" | "witness">;

function offerFor(base: Contact, handover: Handover, now: number): OutgoingRequest {
	const { fp, lineageId, account, expiresAt, deadline, replace } = handover;
	return {
		...base,
		type: "offer",
		fp,
		lineageId,
		kind: "login",
		...(account === undefined ? {} : { account }),
		...(expiresAt === undefined ? {} : { expiresAt }),
		...(deadline === undefined ? {} : { deadline }),
		now,
		replace,
	};
}

const HOLDS_MAX = 64;
const WITNESS_MAX = 32;

function contact(state: PcState, host: Host): Contact {
	const holds = Object.values(state.record.stores).flatMap(({ fp }) =>
		fp === undefined ? [] : [fp],
	);
	const witness: Witness[] = Object.entries(hostMemory(state, host).witness).map(
		([lineageId, { generation, proof }]) => ({ lineageId, generation, proof }),
	);
	return {
		v: PROTOCOL_VERSION,
		id: `${state.run.runId}-${state.run.nextId}`,
		name: state.rules.hosts[host]?.name ?? "default",
		holds: holds.slice(0, HOLDS_MAX),
		witness: witness.slice(-WITNESS_MAX),
	};
}

function waitOf(state: PcState, fp: Fingerprint): number {
	return (state.run.waits[fp] ?? NO_WAIT).at;
}

/** The instant at which a tick is wanted, wall-clock ms; infinity if none is. */
export function nextPcWake(state: PcState): number {
	const hosts = Object.keys(state.rules.hosts).map((host) => requestWake(state, host));
	const erasures = state.record.handovers.map((handover) => erasureWake(state, handover));
	return Math.min(NEVER, lockWake(state), ...hosts, ...erasures);
}

function requestWake(state: PcState, host: Host): number {
	const { outstanding, links, statusAt } = state.run;
	if (outstanding[host] !== undefined) return NEVER;
	const due = state.record.handovers
		.filter((one) => one.host === host && isDue(state, one, NEVER))
		.map(({ fp }) => fp);
	const waits = [...due, ...toWithdraw(state, host)].map((fp) => waitOf(state, fp));
	const erased = Object.values(state.run.confirms).includes(host) ? 0 : NEVER;
	return Math.max((links[host] ?? NO_WAIT).at, Math.min(statusAt[host] ?? 0, erased, ...waits));
}

function erasureWake(state: PcState, { step, fp, deadline }: Handover): number {
	if (mayEnd(step)) return deadline ?? NEVER;
	return mayErase(step) && !state.run.erasing.includes(fp) ? waitOf(state, fp) : NEVER;
}
