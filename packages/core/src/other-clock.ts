/**
 * Times that were written by another machine's clock. Two clocks may be hours apart: each machine judges
 * an end by its own, so what it is told is moved by as much as the two differ.
 */

import { MINUTE } from "./duration.ts";

/** What a slow link makes of two clocks that agree, and what no end of a login turns on. */
export const AGREE_WITHIN = 2 * MINUTE;

/**
 * @param theirNow what the other clock showed just now; undefined if it was not told
 * @param now what ours shows
 * @returns the instant by our clock
 */
export function byOurClock(at: number, theirNow: number | undefined, now: number): number {
	if (theirNow === undefined || Math.abs(theirNow - now) <= AGREE_WITHIN) return at;
	return Math.max(1, at - theirNow + now);
}
