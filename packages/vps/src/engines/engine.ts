/** How a refresh is carried out. The only thing in the service that spends a refresh token. */

import type { Fingerprint } from "@baton/core/lineage";
import type { HarvestOutcome, RefreshOutcome } from "@baton/core/oauth";
import type { ArmedSession } from "@baton/core/session";

export interface Engine {
	/**
	 * Spends the session's refresh token, at most once, whatever happens, and not while an earlier try may
	 * still be at it. Every failure is an outcome; `not-sent` and `refused` only where the token was surely
	 * not used up. Ends within the request limit.
	 */
	refresh(session: ArmedSession): Promise<RefreshOutcome>;
	/** Looks for what a refresh of this token came to that nobody waited for. Spends nothing. */
	harvest(fp: Fingerprint): Promise<HarvestOutcome>;
	/**
	 * Told of the record each time it is durable, and at the start. What refreshes have left behind that
	 * nobody needs any more is removed then, in its own time: resolves once that is done, or could not be.
	 */
	settled(durable: Durable): Promise<void>;
}

/** What an engine has to know of a durable record before it removes anything. */
export interface Durable {
	/** An intent for this refresh token is open: what it came to is not known yet. */
	isOpen(fp: Fingerprint): boolean;
	/** It is a login's newest as far as the record goes. */
	isNewest(fp: Fingerprint): boolean;
	/** The record holds it, or has done with it. */
	knows(fp: Fingerprint): boolean;
}
