/** How a refresh is carried out. The only thing in the service that spends a refresh token. */

import type { Fingerprint } from "@baton/core/lineage";
import type { RefreshOutcome } from "@baton/core/oauth";
import type { ArmedSession } from "@baton/core/session";

export type Rotated = Extract<RefreshOutcome, { kind: "rotated" }>;

export interface Engine {
	/**
	 * Spends the session's refresh token, at most once, whatever happens. Every failure is an outcome;
	 * `not-sent` and `refused` only where the token was surely not used up. Ends within the request
	 * limit.
	 */
	refresh(session: ArmedSession): Promise<RefreshOutcome>;
	/**
	 * Waits for a refresh that may still run, then looks for what it left: another refresh token than
	 * the one of `fp` is its outcome. Spends nothing.
	 */
	harvest(fp: Fingerprint): Promise<Rotated | undefined>;
}
