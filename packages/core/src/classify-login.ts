/**
 * Telling a fresh login from a rotation: a pure function of the store before and after.
 *
 * A rotation never moves the login's deadline later; a login sets a new one. That difference, and the
 * account, is all the evidence a credentials file bears.
 */

import type { Reading } from "./credentials-file.ts";
import type { Fingerprint } from "./lineage.ts";

/** What is remembered of a store between two looks; bears no secret. */
export interface StoreView {
	/** Absent when the store was blank. */
	readonly fp: Fingerprint | undefined;
	/** The last login seen before a blank: if just that comes again, it is no fresh one. */
	readonly lastFp: Fingerprint | undefined;
	readonly account: string | undefined;
	readonly deadline: number | undefined;
}

export type Verdict =
	/** The same refresh token as before, or a look that says nothing. */
	| "unchanged"
	/** Logout, wipe or disarm: never offered. */
	| "blank"
	/** The first look ever found a login: it was there before Baton and is the person's own. */
	| "first-sight"
	| "login"
	/** The same login, refreshed: a login still pending stays pending under its new fingerprint. */
	| "rotation"
	/** The deadline does not tell: offered only from a dedicated folder or after the person agrees. */
	| "provisional"
	/** A fingerprint that was handed over, or that the custodian named: a copy came back. */
	| "came-back";

/** A provider tells what is left in whole seconds, so one and the same deadline moves by that much. */
const SAME_DEADLINE_MS = 2_000;

/** Later by more than this is surely a login; by less, also a slow network, or two logins in a row. */
const DEADLINE_SLACK_MS = 60_000;

/**
 * @param before what the last look showed; undefined if there was none
 * @param isOurs whether this fingerprint was handed over, or named current or retired by a custodian
 */
export function classifyLogin(
	before: StoreView | undefined,
	after: Reading,
	isOurs: (fp: Fingerprint) => boolean,
): Verdict {
	if (after.kind === "unreadable") return "unchanged";
	if (after.kind === "blank")
		return before !== undefined && before.fp === undefined ? "unchanged" : "blank";
	if (isOurs(after.fp)) return "came-back";
	if (before === undefined) return "first-sight";
	if (before.fp === after.fp) return "unchanged";
	if (before.fp === undefined) return before.lastFp === after.fp ? "unchanged" : "login";
	const { account, deadline } = after.session;
	if (before.account !== undefined && account !== undefined && before.account !== account)
		return "login";
	if (before.deadline === undefined || deadline === undefined) return "provisional";
	const laterMs = deadline - before.deadline;
	if (laterMs > DEADLINE_SLACK_MS) return "login";
	return laterMs > SAME_DEADLINE_MS ? "provisional" : "rotation";
}

/** What to remember of a look; a look that says nothing leaves the memory as it was. */
export function viewOf(before: StoreView | undefined, reading: Reading): StoreView | undefined {
	switch (reading.kind) {
		case "unreadable":
			return before;
		case "blank":
			return {
				fp: undefined,
				lastFp: before?.fp ?? before?.lastFp,
				account: undefined,
				deadline: undefined,
			};
		case "login":
			return {
				fp: reading.fp,
				lastFp: undefined,
				account: reading.session.account,
				deadline: reading.session.deadline,
			};
	}
}

/**
 * Whether two readings are surely of one login: the evidence needed before a copy is let go of, for
 * which "no later" is not enough. Two logins made within the minute look alike but for this.
 */
export function isSameLogin(
	a: Omit<StoreView, "fp" | "lastFp">,
	b: Omit<StoreView, "fp" | "lastFp">,
): boolean {
	if (a.deadline === undefined || b.deadline === undefined || a.account !== b.account) return false;
	return Math.abs(a.deadline - b.deadline) <= SAME_DEADLINE_MS;
}
