/**
 * Delays before the next attempt, as tables, so that nothing retries in a tight loop.
 */

import { HOUR, MINUTE, SECOND } from "./duration.ts";

/** The delay before attempt 2, 3, …; the last one repeats. Milliseconds. */
export type BackoffTable = readonly [number, ...number[]];

/** Provider refused for the moment or is out of reach: quick at first, then no burden to it. */
export const PROVIDER_BACKOFF: BackoffTable = [
	5 * SECOND, // a dropped connection, a deploy
	15 * SECOND,
	30 * SECOND, // from here an outage: chance and a hanging connection added, found over within a minute
];

/** Asking the custodian how a delivered login fares: a claim takes a second or two. */
export const CUSTODY_BACKOFF: BackoffTable = [
	300, // ms
	700,
	1_500,
	3 * SECOND,
	10 * SECOND,
	30 * SECOND, // in doubt for two minutes or more
	2 * MINUTE,
	5 * MINUTE,
];

/** A host that cannot be reached, or declined for the moment. */
export const HOST_BACKOFF: BackoffTable = [
	2 * SECOND,
	5 * SECOND,
	15 * SECOND,
	30 * SECOND,
	MINUTE,
	2 * MINUTE,
	5 * MINUTE, // a laptop in a train
];

/** A sink that cannot be written: full disk, read-only folder, a gateway being upgraded. */
export const SINK_BACKOFF: BackoffTable = [
	250, // ms: a lock held for a moment
	SECOND,
	5 * SECOND,
	15 * SECOND,
	MINUTE,
	5 * MINUTE,
];

/** Between two looks whether any sink can be written when the token is about to end, or has: cheap. */
export const LONGEST_PROOF_WAIT = 30 * SECOND;

/** No attempt at a sink is put off longer than this, chance included. */
export const LONGEST_SINK_WAIT = 6 * MINUTE;

/** A probe that said nothing: 403, 429, 5xx or silence. */
export const PROBE_BACKOFF: BackoffTable = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE];

/** A logout at the provider: a person waits for the first few, and later nobody does. */
export const REVOKE_BACKOFF: BackoffTable = [2 * SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR];

/** claude's locks are held, or the store could not be written, on the PC. */
export const STORE_BACKOFF: BackoffTable = [SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE];

/** No table waits longer than this unless the other side asks for it. */
export const LONGEST_RETRY_AFTER = 6 * HOUR;

/**
 * @param attempts failures so far, 1 or more
 * @param random from 0 to 1: up to a fifth is added, so that many machines do not come at once
 */
export function backoffDelay(table: BackoffTable, attempts: number, random = 0): number {
	const index = Math.min(Math.max(attempts, 1), table.length) - 1;
	const delay = table[index] ?? table[0];
	return Math.round(delay * (1 + 0.2 * random));
}
