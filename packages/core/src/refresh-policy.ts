/**
 * When an access token is refreshed: one policy whose settings also express the two older habits,
 * "every 30 minutes, if under 10 minutes are left" (`{ every: 30 m, before: 10 m }`) and "at each
 * heartbeat, if under 2 hours are left" (`{ before: 2 h }`, asked by `batond check --within 2h`).
 *
 * Wall-clock times throughout: an expiry is one, and sleep must count.
 */

import { HOUR } from "./duration.ts";

export interface RefreshPolicy {
	/** How long before its expiry a token is refreshed, ms. Default: the lesser of 2 h and a quarter. */
	readonly before: number | undefined;
	/** Look only each so often, ms, counted from when the token was got. Default: just in time. */
	readonly every: number | undefined;
}

export const DEFAULT_POLICY: RefreshPolicy = { before: undefined, every: undefined };

/** An access token's life as far as the policy needs it, wall-clock ms. */
export interface TokenLife {
	readonly obtainedAt: number;
	/** Absent: a token whose end is not known; it is refreshed once it has been seen to die. */
	readonly expiresAt: number | undefined;
	/** From 0 to 1, drawn once for this token: spreads refreshes by up to 5 % of `before`. */
	readonly jitter: number;
}

const DEFAULT_BEFORE = 2 * HOUR;
const JITTER_SHARE = 0.05;

/** `before` as it applies to this token: never more than half its life. Milliseconds. */
export function refreshMargin(policy: RefreshPolicy, life: TokenLife): number {
	const lifetime = lifetimeOf(life);
	const wanted = policy.before ?? Math.min(DEFAULT_BEFORE, lifetime / 4);
	return Math.max(0, Math.min(wanted, lifetime / 2));
}

/**
 * The instant from which this token is due, wall-clock ms, or undefined if its end is not known.
 * Two rotations are at least a quarter of the lifetime apart, whatever the settings say.
 */
export function refreshDueAt(policy: RefreshPolicy, life: TokenLife): number | undefined {
	if (life.expiresAt === undefined) return undefined;
	const margin = refreshMargin(policy, life) * (1 - JITTER_SHARE * life.jitter);
	const due = Math.max(life.expiresAt - margin, earliestOf(life));
	return policy.every === undefined
		? due
		: nextLook(life.obtainedAt, policy.every, due, life.expiresAt);
}

/**
 * The first instant at which this token may be refreshed if somebody asks, wall-clock ms: the same
 * quarter. Undefined if the token's end is not known.
 */
export function earliestRefreshAt(life: TokenLife): number | undefined {
	return life.expiresAt === undefined ? undefined : earliestOf(life);
}

/** The last instant at which something uncertain may be tried before the token ends, wall-clock ms. */
export function lastCallAt(life: TokenLife, lastCall: number): number {
	if (life.expiresAt === undefined) return Number.POSITIVE_INFINITY;
	return life.expiresAt - Math.min(lastCall, lifetimeOf(life) / 8);
}

/** The first look at or after `due`; if none comes before the token ends, `due` itself. */
function nextLook(start: number, every: number, due: number, end: number): number {
	const looks = Math.max(0, Math.ceil((due - start) / every));
	const look = start + looks * every;
	return look < end ? look : due;
}

function earliestOf(life: TokenLife): number {
	return life.obtainedAt + lifetimeOf(life) / 4;
}

function lifetimeOf(life: TokenLife): number {
	if (life.expiresAt === undefined) return Number.POSITIVE_INFINITY;
	return Math.max(0, life.expiresAt - life.obtainedAt);
}
