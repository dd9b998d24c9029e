/**
 * What the custodian knows: one durable record per custody name, swapped in one write, and what it
 * remembers of this run of the service only.
 */

import type { DeadlineWarning } from "./deadline-warning.ts";
import { DAY, MINUTE, SECOND } from "./duration.ts";
import { type Fingerprint, fingerprint, type LineageId } from "./lineage.ts";
import type { LossReason, NotTakenReason, SpentReason, Witness } from "./protocol.ts";
import { type ClockSight, NO_SIGHT } from "./provider-clock.ts";
import { DEFAULT_POLICY, type RefreshPolicy, type TokenLife } from "./refresh-policy.ts";
import type { Secret } from "./secret.ts";
import { isUnexpired, type Session } from "./session.ts";

/** Durable. A refresh under way, journaled before it is sent. */
export interface Intent {
	/** Wall-clock ms at which it was journaled. */
	readonly at: number;
}

/** Durable. Where a lineage stands. */
export type Phase =
	/**
	 * Delivered, not claimed: its refresh token has never been spent here. `served` once the provider
	 * was out of reach for the claim: from then on its access token may be published.
	 */
	| { readonly name: "staged"; readonly served: boolean }
	/** Claimed after its access token had ended, so whose it is must still be named: not served. */
	| { readonly name: "verifying" }
	| { readonly name: "held" }
	/** `before` is where it goes back to when the provider refuses for the moment. */
	| { readonly name: "refreshing"; readonly intent: Intent; readonly before: QuietPhase }
	/** The outcome of an intent is not known. `lateTryAt` counts the one late try before it is made. */
	| { readonly name: "in-doubt"; readonly intent: Intent; readonly lateTryAt: number | undefined }
	/** An unexpired access token was seen dead with no intent open. */
	| { readonly name: "suspect"; readonly since: number }
	/** A witness knows a higher generation: serve, never spend. */
	| { readonly name: "rolled-back"; readonly witnessed: number; readonly since: number }
	/** A person ends it: never refreshed or served again, and logged out at the provider. */
	| { readonly name: "revoking"; readonly since: number }
	| {
			readonly name: "needs-login";
			readonly reason: LossReason;
			readonly since: number;
			/** It was forgotten here, but the provider did not log it out, and why. */
			readonly notRevoked?: string | undefined;
	  };

export const PHASES = Object.keys({
	staged: true,
	verifying: true,
	held: true,
	refreshing: true,
	"in-doubt": true,
	suspect: true,
	"rolled-back": true,
	revoking: true,
	"needs-login": true,
} satisfies Record<Phase["name"], true>);

/** The phases from which a refresh may begin. */
export type QuietPhase = Extract<Phase, { name: "staged" | "verifying" | "held" | "suspect" }>;

/** Durable. Where a login lay that was taken over from this machine, and whether it still does. */
export interface Imported {
	/** Absolute; undefined for one that lay nowhere. */
	readonly path: string | undefined;
	/** `disarming` before the first try: from then on the file may be blank. */
	readonly state: "armed" | "disarming" | "disarmed";
}

/** Durable. Until when the provider wants to be left in peace, and when it said so; wall-clock ms. */
export interface ProviderWait {
	readonly heardAt: number;
	readonly until: number;
	/** How it refused. */
	readonly why: string;
}

/** Durable. One login in our keeping. */
export interface Lineage {
	readonly lineageId: LineageId;
	/** As it was delivered. */
	readonly firstFp: Fingerprint;
	/** Of the newest refresh token. */
	readonly fp: Fingerprint;
	readonly session: Session;
	/** Rotations made here: 0 as delivered, 1 after the claim. */
	readonly generation: number;
	/** Wall-clock ms at which the newest access token came to us. */
	readonly obtainedAt: number;
	/** How far the provider's clock was ahead of ours when these times were noted, ms, once that is known. */
	readonly ahead?: number | undefined;
	/** From 0 to 1, drawn with each token, so that refreshes spread. */
	readonly jitter: number;
	/** Who handed it over, and when that device confirmed erasing its copy. */
	readonly device: string;
	/** Account uuid, once the provider has named it; what a file or an offer says is only a hint. */
	readonly account: string | undefined;
	readonly erasedAt: number | undefined;
	/** Undefined for one that a PC handed over. */
	readonly imported: Imported | undefined;
	/** The last warning of its end that was given. */
	readonly warned: DeadlineWarning | undefined;
	/** The provider's `Retry-After` for this login. */
	readonly askedToWait: ProviderWait | undefined;
	readonly phase: Phase;
}

/** Durable. The login before the current one, kept in mind until every sink has let go of it. */
export interface Retiring {
	readonly lineageId: LineageId;
	readonly accessUntil: number | undefined;
}

/** Durable. What became of a fingerprint; it is never accepted or spent again. */
export type Past =
	/** Delivered and claimed. */
	| { readonly was: "claimed"; readonly lineageId: LineageId; readonly at: number }
	/** Replaced by a rotation. */
	| { readonly was: "retired"; readonly lineageId: LineageId; readonly at: number }
	/** The claim was refused for good, or its reply was lost, or it turned out to be another's. */
	| {
			readonly was: "spent";
			readonly lineageId: LineageId;
			readonly at: number;
			readonly reason?: SpentReason | undefined;
	  }
	/** Tombstones: will never be claimed, unless delivered anew under a new nonce. */
	| { readonly was: "not-taken"; readonly reason: NotTakenReason; readonly at: number }
	| { readonly was: "withdrawn"; readonly at: number };

/** Durable. Whether the provider kills the old access token at a rotation, learnt by probing. */
export interface Learnt {
	/** Rotations that showed it; two make it known. One contrary probe sets it back to 0. */
	readonly killsOldAccess: number;
}

export interface CustodyRecord {
	readonly name: string;
	/** 32 random bytes, hex; see `generationProof`. */
	readonly proofKey: string;
	/** The account this custody is bound to, as the provider named it at the first claim. */
	readonly account: string | undefined;
	readonly current: Lineage | undefined;
	readonly retiring: Retiring | undefined;
	readonly staged: Lineage | undefined;
	readonly past: Readonly<Record<Fingerprint, Past>>;
	/** The first digits of those that were used up long ago; see `withinBounds`. */
	readonly faded: readonly string[];
	/** Every lineage claimed here, or that a witness proved was, with its highest generation. */
	readonly lineages: Readonly<Record<LineageId, number>>;
	readonly learnt: Learnt;
}

/** The two lineages that something can be done with. */
export type Role = "current" | "staged";

/** Under way outside: at most one at a time, so there is never a second refresher. */
export type Operation =
	| {
			readonly kind: "probe";
			readonly id: number;
			readonly role: Role;
			readonly access: Fingerprint;
	  }
	| { readonly kind: "learn"; readonly id: number }
	| { readonly kind: "prove"; readonly id: number; readonly role: Role }
	| { readonly kind: "harvest"; readonly id: number; readonly role: Role }
	| { readonly kind: "refresh"; readonly id: number; readonly role: Role }
	/** `again` after one whose outcome is not known. */
	| {
			readonly kind: "disarm";
			readonly id: number;
			readonly fp: Fingerprint;
			readonly again: boolean;
	  }
	| { readonly kind: "revoke"; readonly id: number }
	/** A look whose outcome counts no more, but which is not over yet. */
	| { readonly kind: "void"; readonly id: number };

/** What probing an access token has shown in this run. */
export interface ProbeMemory {
	readonly goodAt: number | undefined;
	/** The first of an unbroken series of 401s. */
	readonly deadSince: number | undefined;
	/** A second 401 came at least `deadConfirm` after the first. */
	readonly dead: boolean;
	/** Looks in a row that said nothing. */
	readonly silent: number;
	/** No look before this instant. */
	readonly nextAt: number;
}

export const UNPROBED: ProbeMemory = {
	goodAt: undefined,
	deadSince: undefined,
	dead: false,
	silent: 0,
	nextAt: 0,
};

/** What has become known in this run of the engine that carries out an open intent. */
export interface HarvestMemory {
	/** It has ended, and what it left was looked at. */
	readonly done: boolean;
	/** Until when it may have been at it, wall-clock ms; 0 if no longer than the intent says. */
	readonly endedAt: number;
	/** It was seen still running; no look before this instant. */
	readonly nextAt: number;
}

export const UNHARVESTED: HarvestMemory = { done: false, endedAt: 0, nextAt: 0 };

export interface Reservation {
	readonly fp: Fingerprint;
	readonly device: string;
	readonly nonce: string;
	readonly until: number;
}

/** Failures in a row and the instant before which nothing is tried again. */
export interface Retry {
	readonly failures: number;
	readonly at: number;
	/** Why the last one failed: `out of reach`, or how the provider refused it. */
	readonly why?: string;
}

export const NO_RETRY: Retry = { failures: 0, at: 0 };

export interface Ask {
	readonly access: Fingerprint;
	readonly until: number;
	/** However young the token is. */
	readonly force: boolean;
}

/** Gone with the process. */
export interface Run {
	/** Since when this service has run with no jump of the clock, wall-clock ms. */
	readonly since: number;
	/** The newest access token came to us since then. */
	readonly unbroken: boolean;
	readonly nextOperation: number;
	readonly operation: Operation | undefined;
	/** By the access token's fingerprint. */
	readonly probes: Readonly<Record<Fingerprint, ProbeMemory>>;
	/** The provider's clock beside ours. */
	readonly clock: ClockSight;
	/** The access token that was probed good since the start or the last jump. */
	readonly verified: Fingerprint | undefined;
	/** The staged login the PC has delivered in this run. */
	readonly armed: Fingerprint | undefined;
	readonly reservation: Reservation | undefined;
	/** When the sinks were last proved writable, and whether all or only some were. */
	readonly sinks: { readonly at: number; readonly all: boolean; readonly any: boolean } | undefined;
	readonly sinkRetry: Retry;
	readonly refreshRetry: Readonly<Record<Role, Retry>>;
	/** Whether the engine has ended, and what it left behind for this role's open intent. */
	readonly harvested: Readonly<Record<Role, HarvestMemory>>;
	/** A witness spoke since the start or jump and knew no higher generation. */
	readonly witnessAgrees: boolean;
	/** Witnesses heard while a token was under way. */
	readonly deferred: readonly Witness[];
	/** A person or program asked for this access token to be refreshed now, and until when that holds. */
	readonly asked: Ask | undefined;
	/** Who asked for a revocation that has yet to begin, since a token is on its way. */
	readonly revokers: readonly string[];
	/** The access token the last rotation replaced, to learn from, and whether it was seen dead. */
	readonly replaced:
		| {
				readonly accessToken: Secret;
				readonly expiresAt: number | undefined;
				readonly dead: boolean;
		  }
		| undefined;
	/** The access token last given to the sinks in this run, or `CLEARED`. */
	readonly published: Fingerprint | undefined;
}

/** Limits and waits, all ms. Settings may change them; docs/settings.md lists them. */
export interface Timing {
	/** An intent older than this can no longer be under way. */
	readonly requestLimit: number;
	/** Between the two 401s that count as dead. */
	readonly deadConfirm: number;
	/** A suspect or unverified token is tried once when this much of its life is left. */
	readonly lastCall: number;
	/** A doubtful token is tried once when this much of its life is left. */
	readonly lateTry: number;
	/**
	 * After a start or a jump of the clock at which the access token had already ended: how long a PC's
	 * word is waited for, as this may be a copy of an older state.
	 */
	readonly witnessWait: number;
	/** How long an accepted offer is kept free for its PC. */
	readonly reservation: number;
	/** A healthy login this near its deadline makes way without being asked to. */
	readonly renewal: number;
	/** How long a proof of writable sinks, or a good probe, is good for. */
	readonly fresh: number;
	/** Between two looks at each sink for what others have done there. */
	readonly lookAtSinks: number;
}

export const DEFAULT_TIMING: Timing = {
	requestLimit: 120 * SECOND,
	deadConfirm: 60 * SECOND,
	lastCall: 30 * MINUTE,
	lateTry: 5 * MINUTE,
	witnessWait: 20 * MINUTE,
	reservation: 10 * MINUTE,
	renewal: 7 * DAY,
	fresh: 30 * SECOND,
	lookAtSinks: MINUTE,
};

export interface CustodyRules {
	readonly policy: RefreshPolicy;
	readonly timing: Timing;
}

export const DEFAULT_RULES: CustodyRules = { policy: DEFAULT_POLICY, timing: DEFAULT_TIMING };

export interface CustodyState {
	readonly record: CustodyRecord;
	readonly run: Run;
	readonly rules: CustodyRules;
}

/** The same custody under other rules; what waits for sinks looks at them anew. */
export function withRules({ record, run }: CustodyState, rules: CustodyRules): CustodyState {
	return { record, run: { ...run, sinks: undefined, sinkRetry: NO_RETRY }, rules };
}

export function emptyRecord(name: string, proofKey: string): CustodyRecord {
	return {
		name,
		proofKey,
		account: undefined,
		current: undefined,
		retiring: undefined,
		staged: undefined,
		past: {},
		faded: [],
		lineages: {},
		learnt: { killsOldAccess: 0 },
	};
}

export function freshRun(now: number): Run {
	return {
		since: now,
		unbroken: false,
		nextOperation: 1,
		operation: undefined,
		probes: {},
		clock: NO_SIGHT,
		verified: undefined,
		armed: undefined,
		reservation: undefined,
		sinks: undefined,
		sinkRetry: NO_RETRY,
		refreshRetry: { current: NO_RETRY, staged: NO_RETRY },
		harvested: { current: UNHARVESTED, staged: UNHARVESTED },
		witnessAgrees: false,
		deferred: [],
		asked: undefined,
		revokers: [],
		replaced: undefined,
		published: undefined,
	};
}

/** Stands for a fingerprint: the sinks were told to hold nothing of ours. */
export const CLEARED = "cleared";

/** An access token sinks may have, and what it belongs to. */
export interface ServedToken {
	readonly session: Session;
	readonly accessFp: Fingerprint;
	readonly lineageId: LineageId;
	readonly generation: number;
}

/**
 * The access token consumers get: the current login's while it lives, else that of one that is staged
 * and could not be claimed yet.
 */
export function servedToken(record: CustodyRecord, now: number): ServedToken | undefined {
	const { current, staged } = record;
	// A login that another account's owner slipped in must not reach consumers, not even for an hour.
	const ours = record.account === undefined || staged?.account !== undefined;
	const living = [current, ours ? staged : undefined].find(
		(lineage) => lineage !== undefined && mayServe(lineage, now),
	);
	if (living === undefined) return undefined;
	const { session, lineageId, generation } = living;
	return { session, accessFp: fingerprint(session.accessToken), lineageId, generation };
}

function mayServe(lineage: Lineage, now: number): boolean {
	return isServable(lineage.phase) && isUnexpired(lineage.session, now);
}

/**
 * A login that needs another has died by 401 or by `invalid_grant`, or its access token has ended. One
 * that was just delivered may turn out to be another account's.
 */
function isServable(phase: Phase): boolean {
	switch (phase.name) {
		case "staged":
			return phase.served;
		case "verifying":
			return false;
		case "refreshing":
			return isServable(phase.before);
		default:
			return phase.name !== "needs-login" && phase.name !== "revoking";
	}
}

/** Whether only a new login helps. */
export function isLost(phase: Phase): boolean {
	return phase.name === "needs-login" || phase.name === "rolled-back";
}

export function tokenLife(lineage: Lineage): TokenLife {
	const { obtainedAt, jitter, session } = lineage;
	return { obtainedAt, expiresAt: session.expiresAt, jitter };
}

/** The open intent's last sign of life, or undefined where none is open. Wall-clock ms. */
export function intentAt(phase: Phase): number | undefined {
	if (phase.name === "refreshing") return phase.intent.at;
	if (phase.name === "in-doubt") return Math.max(phase.intent.at, phase.lateTryAt ?? 0);
	return undefined;
}
