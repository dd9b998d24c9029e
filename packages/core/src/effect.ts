/**
 * What decisions ask for. A runtime performs the effects of one decision strictly in order: each is
 * done before the next begins, except those marked "started", whose outcome comes back later as an
 * event. One that fails comes back as `effect-failed`; under the locks it ends its list, since each
 * effect there rests on the one before.
 */

import type { AskVerdict } from "./ask-verdict.ts";
import type { CustodyRecord, Role, ServedToken } from "./custody-state.ts";
import type { EscrowFacts, Host, LockPurpose, PcRecord, StoreId } from "./handover-state.ts";
import type { Fingerprint, LineageId } from "./lineage.ts";
import type { AnswerBody, DeliverRequest, Request } from "./protocol.ts";
import type { RevokeVerdict } from "./revoke-verdict.ts";
import type { Secret } from "./secret.ts";
import type { ArmedSession, Session } from "./session.ts";

/** What every `(state, event, now)` comes to: the state after, and what is to be done, in this order. */
export interface Decision<S, F> {
	readonly state: S;
	readonly effects: readonly F[];
}

/** A line for the audit log, and where a person must hear of it, for a warning. Never a secret. */
export interface Note {
	readonly type: "note";
	readonly level: "info" | "warn";
	readonly what: string;
	readonly fp?: Fingerprint;
	readonly lineageId?: LineageId;
	readonly generation?: number;
	readonly device?: string;
	readonly host?: string;
	readonly reason?: string;
}

/** A fingerprint the PC holds that lives, or lived, in custody. */
export interface NamedCopy {
	readonly fp: Fingerprint;
	readonly state: "current" | "retired";
}

export type CustodyEffect =
	/** Swap the record in one durable write. A runtime that cannot, tries again before anything else. */
	| { readonly type: "persist"; readonly record: CustodyRecord }
	/** Give the token to every sink. Only ever after it is durable. */
	| { readonly type: "publish"; readonly token: ServedToken }
	| {
			readonly type: "answer";
			/** Which open request. */
			readonly key: string;
			readonly body: AnswerBody;
			readonly disarm: readonly NamedCopy[];
	  }
	/** What an asked refresh comes to, for the asker whom `key` names. */
	| { readonly type: "verdict"; readonly key: string; readonly verdict: AskVerdict }
	/** What an asked revocation comes to, for the asker whom `key` names. */
	| { readonly type: "revocation"; readonly key: string; readonly verdict: RevokeVerdict }
	/** Have every sink hold nothing of ours. */
	| { readonly type: "clear-sinks" }
	/** Started. Log this session out at the provider. Comes back as `revoked`. */
	| { readonly type: "revoke"; readonly id: number; readonly session: Session }
	/** Started. Ask the provider whether this access token lives and whose it is. */
	| { readonly type: "probe"; readonly id: number; readonly accessToken: Secret }
	/** Started. Prove that every sink could be written now. */
	| { readonly type: "prove-sinks"; readonly id: number }
	/** Started. Let the engine end if it runs, then look for an outcome in its folder. */
	| { readonly type: "harvest"; readonly id: number; readonly role: Role; readonly fp: Fingerprint }
	/**
	 * Started. Under claude's locks, and only if the file still holds this refresh token, blanks it
	 * durably. Comes back as `source-disarmed`.
	 */
	| {
			readonly type: "disarm-source";
			readonly id: number;
			readonly path: string;
			readonly fp: Fingerprint;
			/** Of the access token beside it, by which a file that was blanked before is known. */
			readonly access: Fingerprint;
	  }
	/** Started. The only effect that spends a refresh token; its intent is durable by now. */
	| {
			readonly type: "refresh";
			readonly id: number;
			readonly role: Role;
			readonly session: ArmedSession;
	  }
	| Note;

/** A request as the PC decides it; the session of a Deliver is added from escrow as it is sent. */
export type OutgoingRequest =
	| Exclude<Request, { type: "deliver" }>
	| Omit<DeliverRequest, "session">;

export type HandoverEffect =
	/** Swap the PC's record in one durable write. */
	| { readonly type: "persist-pc"; readonly record: PcRecord }
	/** Started. Comes back as `answer` or `link-failed`, within its time limit. */
	| { readonly type: "send"; readonly host: Host; readonly request: OutgoingRequest }
	/** Started. Read the store now; comes back as `store-read` with this id as its `look`. */
	| { readonly type: "read-store"; readonly id: number; readonly store: StoreId }
	/** Started. Take claude's three locks, then read: comes back as `store-locked` or `store-busy`. */
	| {
			readonly type: "lock-store";
			readonly id: number;
			readonly store: StoreId;
			readonly purpose: LockPurpose;
	  }
	/** Only under the lock. Durable before the next effect. */
	| { readonly type: "write-escrow"; readonly facts: EscrowFacts; readonly session: ArmedSession }
	/**
	 * Only under the lock, and only if the store still holds this login. Blanks the refresh token; in a
	 * dedicated folder the whole entry goes. Then comes back as `disarmed`.
	 */
	| { readonly type: "disarm-store"; readonly store: StoreId; readonly fp: Fingerprint }
	/** Only under the lock. Writes the session from escrow into the store. Comes back as `restored`. */
	| { readonly type: "restore-store"; readonly store: StoreId; readonly fp: Fingerprint }
	/** Also after an effect under the lock has failed. */
	| { readonly type: "unlock-store"; readonly id: number; readonly store: StoreId }
	/** Remove durably; fine if it is gone. Comes back as `escrow-erased`; a failure ends no list. */
	| { readonly type: "erase-escrow"; readonly fp: Fingerprint }
	| Note;
