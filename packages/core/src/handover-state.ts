/**
 * What the PC knows: one durable record without any secret (those lie in escrow files, keyed by
 * fingerprint), and what it remembers of this run only.
 */

import type { StoreView } from "./classify-login.ts";
import type { DeadlineWarning } from "./deadline-warning.ts";
import { MINUTE } from "./duration.ts";
import type { Fingerprint, LineageId } from "./lineage.ts";
import type {
	DeclineReason,
	LossReason,
	NotTakenReason,
	RequestType,
	StatusAnswer,
} from "./protocol.ts";

/** A host as the settings name it. */
export type Host = string;

/** `normal` for claude's own place on this PC, `login:HOST` for the folder of one host's logins. */
export type StoreId = string;

export const NORMAL_STORE: StoreId = "normal";

export function dedicatedStore(host: Host): StoreId {
	return `login:${host}`;
}

/** Whose logins this store yields, or undefined for the normal one. */
export function dedicatedTo(store: StoreId): Host | undefined {
	return store.startsWith("login:") ? store.slice("login:".length) : undefined;
}

/** Where a hand-over stands. Every step is durable before the next one begins. */
export const HANDOVER_STEPS = [
	/** Fresh, but its file bears no deadline to prove it: offered once a person agrees. */
	"provisional",
	/** To be offered. Nothing has been touched. */
	"pending",
	/** Accepted: the store is to be locked, compared, copied to escrow and disarmed. */
	"taking",
	/** In transit: escrow is durable, the store is disarmed, and nobody may spend. */
	"taken",
	/** The custodian has it. Escrow is to be erased. */
	"claimed",
	/** It is the PC's own again: its session is to go back into the store. */
	"putting-back",
	/** Back in the store. The spare copy in escrow is to be erased. */
	"put-back",
	/** It is the PC's own, but the store holds another login, or it cannot be told: kept in escrow. */
	"kept",
	/** Spent, perhaps by a claim whose reply was lost: never delivered or put back again. */
	"sealed",
	/** Sealed, and past its use: escrow is to be erased. */
	"discarding",
] as const;

export type HandoverStep = (typeof HANDOVER_STEPS)[number];

export interface Handover {
	readonly fp: Fingerprint;
	readonly lineageId: LineageId;
	readonly accessFp: Fingerprint;
	readonly host: Host;
	readonly store: StoreId;
	readonly account: string | undefined;
	readonly expiresAt: number | undefined;
	readonly deadline: number | undefined;
	/** It may replace a healthy login on the host. */
	readonly replace: boolean;
	readonly step: HandoverStep;
	/** Wall-clock ms of the last step. */
	readonly since: number;
	/** Why it is to come back: withdraw before anything else. */
	readonly takeBack: TakeBackReason | undefined;
	/** Why it came back, or could not be handed over. */
	readonly reason: NotTakenReason | "withdrawn" | "forced" | "unsure" | undefined;
	/** What keeps the host from claiming it, as it told last; for people. */
	readonly provider?: string | undefined;
	/** A write into the store was begun, so a blank store may have been filled and emptied since. */
	readonly putBackBegun: boolean;
}

/** `declined`: the host turned down, while in transit, what it had accepted before. */
export type TakeBackReason = "asked" | "declined";

/** Leave for one login to be taken from the normal store. One at a time, one host. */
export interface Permit {
	readonly host: Host;
	/** `host`: it reported that it needs a login. */
	readonly by: "person" | "host";
	readonly since: number;
	readonly replace: boolean;
}

/** What is remembered of a fingerprint after its hand-over has ended. */
export interface Known {
	readonly host: Host;
	readonly was: /** Claimed, or spent in the attempt. If it shows up again, a copy came back. */
		| "handed-over"
		/** A custodian named it as its own. */
		| "in-custody"
		/** The PC's own: offered again only when a person asks. */
		| "own";
	readonly at: number;
	/** Why the host did not take what is the PC's own. */
	readonly reason?: DeclineReason | Handover["reason"];
	/** It was taken back by force: the host is told so, should it ever be heard from again. */
	readonly toWithdraw?: true | undefined;
}

export interface WitnessMemory {
	readonly generation: number;
	readonly proof: string;
}

export interface HostMemory {
	/** The need that was last acted upon. */
	readonly needId: string | undefined;
	readonly need: LossReason | undefined;
	/** Wall-clock ms of the last answer. */
	readonly contactAt: number | undefined;
	readonly witness: Readonly<Record<LineageId, WitnessMemory>>;
	/** The last warning of its login's end that was given here. */
	readonly warned: DeadlineWarning | undefined;
	/** The last status it told, for people. */
	readonly status: StatusAnswer | undefined;
}

export const NEW_HOST: HostMemory = {
	needId: undefined,
	need: undefined,
	contactAt: undefined,
	witness: {},
	warned: undefined,
	status: undefined,
};

export interface PcRecord {
	readonly handovers: readonly Handover[];
	readonly stores: Readonly<Record<StoreId, StoreView>>;
	readonly permit: Permit | undefined;
	readonly known: Readonly<Record<Fingerprint, Known>>;
	readonly hosts: Readonly<Record<Host, HostMemory>>;
}

export const EMPTY_PC_RECORD: PcRecord = {
	handovers: [],
	stores: {},
	permit: undefined,
	known: {},
	hosts: {},
};

/** What an escrow file tells without its secret. */
export interface EscrowFacts {
	readonly fp: Fingerprint;
	readonly accessFp: Fingerprint;
	readonly host: Host;
	readonly store: StoreId;
	readonly account: string | undefined;
	readonly expiresAt: number | undefined;
	readonly deadline: number | undefined;
}

export type LockPurpose = "take" | "put-back" | "disarm";

/** A store held, or being waited for, under claude's locks. One at a time. */
export interface StoreLock {
	readonly id: number;
	readonly store: StoreId;
	readonly purpose: LockPurpose;
	readonly fp: Fingerprint;
	readonly held: boolean;
}

/** A request on its way. One at a time for each host. */
export interface Outstanding {
	readonly id: string;
	readonly type: RequestType;
	readonly fp: Fingerprint | undefined;
}

export interface Opening {
	readonly host: Host;
	readonly need: NonNullable<StatusAnswer["need"]>;
	/** Id of the look that was asked for. */
	readonly look: number;
}

export interface Wait {
	readonly attempts: number;
	/** Not before this instant, wall-clock ms. */
	readonly at: number;
}

export const NO_WAIT: Wait = { attempts: 0, at: 0 };

/** Gone with the process. */
export interface PcRun {
	/** Makes request ids unlike those of other runs. */
	readonly runId: string;
	readonly nextId: number;
	readonly outstanding: Readonly<Record<Host, Outstanding>>;
	/** After a link failed. */
	readonly links: Readonly<Record<Host, Wait>>;
	readonly statusAt: Readonly<Record<Host, number>>;
	readonly waits: Readonly<Record<Fingerprint, Wait>>;
	/** What the next request about this login is, if not the usual one. */
	readonly nonces: Readonly<Record<Fingerprint, string>>;
	/** In transit, and the custodian does not know it: to be offered from escrow. */
	readonly unknown: Readonly<Record<Fingerprint, boolean>>;
	/** A permit about to open for a host's need, once the store has been looked at anew. */
	readonly opening: Opening | undefined;
	readonly lock: StoreLock | undefined;
	/** After a lock was held by another, or what was to be done under it failed. */
	readonly lockWaits: Readonly<Record<StoreId, Wait>>;
	/** Copies that came back, to be disarmed. */
	readonly copies: Readonly<Record<StoreId, Fingerprint>>;
	/** Put-backs begun in this run: for these, a blank store was not filled and emptied since. */
	readonly mayRestore: readonly Fingerprint[];
	/** Escrow files there are. */
	readonly escrows: readonly Fingerprint[];
	/** Erasures under way. */
	readonly erasing: readonly Fingerprint[];
	/** Erasures the hosts have not been told of yet. */
	readonly confirms: Readonly<Record<Fingerprint, Host>>;
}

export interface HostRules {
	/** The custody name on that host. */
	readonly name: string;
	readonly mode: "dedicated" | "follow-login";
	/** Whether the host's own need opens a permit. */
	readonly followLogin: "when-needed" | "when-asked";
}

export interface PcTiming {
	/** Between two looks at a host that has nothing to do. Ms. */
	readonly statusEvery: number;
}

export const DEFAULT_PC_TIMING: PcTiming = { statusEvery: 15 * MINUTE };

export interface PcRules {
	readonly hosts: Readonly<Record<Host, HostRules>>;
	readonly timing: PcTiming;
}

export interface PcState {
	readonly record: PcRecord;
	readonly run: PcRun;
	readonly rules: PcRules;
}

export function freshPcRun(runId: string, escrows: readonly Fingerprint[]): PcRun {
	return {
		runId,
		nextId: 1,
		outstanding: {},
		links: {},
		statusAt: {},
		waits: {},
		nonces: {},
		unknown: {},
		opening: undefined,
		lock: undefined,
		lockWaits: {},
		copies: {},
		mayRestore: [],
		escrows,
		erasing: [],
		confirms: {},
	};
}

/** Steps after which the login is no longer in the store it came from, and not the PC's to spend. */
export function isInCustodyOrTransit(step: HandoverStep): boolean {
	return step === "taken" || step === "claimed" || step === "sealed" || step === "discarding";
}
