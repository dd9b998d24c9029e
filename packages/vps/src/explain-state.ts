/** A custody state in words a person understands, and what that person can do about it. */

import type { LossReason } from "@baton/core/protocol";
import type { NameStatus } from "./control-message.ts";

export interface Explanation {
	readonly state: string;
	/** The next step; absent when there is nothing to be done. */
	readonly next: string | undefined;
}

const HAND_OVER = "on the PC: baton handover HOST, after a fresh login there";

const STATES: Readonly<Record<string, string>> = {
	none: "no login yet",
	staged: "a login has arrived and is being claimed",
	held: "well; this host holds the login and keeps it fresh",
	refreshing: "well; a refresh is under way",
	"in-doubt": "a refresh got no answer; waiting to see what became of it",
	suspect: "the access token was refused before its time; looking into it",
	"rolled-back": "this host's memory is older than the login: it was restored from a copy",
	"needs-login": "needs a new login",
};

const REASONS: Readonly<Record<LossReason, string>> = {
	"none-yet": "no login yet",
	"revoked-or-reused": "needs a new login: revoked, or used somewhere else",
	deadline: "needs a new login: the old one has reached its end",
	"lost-in-flight": "needs a new login: the answer to a refresh was lost",
	"logged-out": "needs a new login: logged out",
	"rolled-back": "serves what it has; needs a new login, as it was restored from a copy",
};

const ENDED = "holds the login, but its access token has ended; trying to get a new one";

/** @param now wall-clock ms */
export function explain(
	{ state, need, accessUntil }: Pick<NameStatus, "state" | "need" | "accessUntil">,
	now: number,
): Explanation {
	if (need !== undefined) return { state: REASONS[need], next: HAND_OVER };
	const well = state === "held" || state === "refreshing";
	if (well && accessUntil !== undefined && accessUntil <= now)
		return { state: ENDED, next: undefined };
	return { state: STATES[state] ?? state, next: undefined };
}
