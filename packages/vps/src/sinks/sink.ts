/** A consumer on this machine that is given access tokens, and nothing else. */

import type { ServedToken } from "@baton/core/custody-state";
import type { Fingerprint } from "@baton/core/lineage";
import type { PauseReason, SinkLook } from "@baton/core/publish-state";
import type { Session } from "@baton/core/session";

/** What consumers get of a login: its session without the refresh token. */
export interface AccessToken {
	/** Whose: the custody name. */
	readonly name: string;
	readonly session: Session & { readonly refreshToken: undefined };
	readonly accessFp: Fingerprint;
	readonly generation: number;
}

export function accessOnly(name: string, token: ServedToken): AccessToken {
	const { session, accessFp, generation } = token;
	return { name, session: { ...session, refreshToken: undefined }, accessFp, generation };
}

export type SinkOutcome =
	/** It holds the token. `disarmed` names a copy of ours that lay there armed and was written over. */
	| { readonly kind: "written"; readonly disarmed: Fingerprint | undefined }
	/** A person's doing there comes first; nothing was written. */
	| { readonly kind: "stepped-back"; readonly reason: PauseReason };

/** What clearing came to; `nothing` of ours was there, or it cannot be taken back from there. */
export type SinkClearance = "cleared" | "nothing" | "foreign" | "logged-out";

export interface Sink {
	readonly name: string;
	/**
	 * Proves that `write` would work now, changing nothing a consumer reads. What a person has done
	 * there is no matter of this, but of `look`.
	 *
	 * @throws BatonError saying what stands in the way
	 */
	prove(): Promise<void>;
	/**
	 * A small look at what is there, changing nothing a consumer reads; absent where none is possible.
	 *
	 * @param token what it should hold, if there is a token
	 * @throws BatonError where nothing can be read, which counts as `unreadable`
	 */
	look?(token: AccessToken | undefined): Promise<SinkLook>;
	/**
	 * Removes what is ours, and nothing else; absent where what was given cannot be taken back.
	 *
	 * @throws BatonError; it is tried again
	 */
	clear?(): Promise<SinkClearance>;
	/** @throws BatonError; what the sink held before it holds still */
	write(token: AccessToken): Promise<SinkOutcome>;
}
