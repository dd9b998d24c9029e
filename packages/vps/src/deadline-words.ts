/** A login that nears its end, for people: from the first warning on, until it has ended or is lost. */

import { formatDuration } from "@baton/core/duration";
import type { NameStatus } from "./control-message.ts";

export interface NearEnd {
	readonly text: string;
	readonly next: string;
}

type Facts = Pick<NameStatus, "need" | "deadline" | "warnedDays" | "setupToken">;

/** @param now wall-clock ms @returns undefined while its end is far, or where a new login is needed anyway */
export function nearEnd(facts: Facts, now: number): NearEnd | undefined {
	const { need, deadline, warnedDays, setupToken } = facts;
	if (need !== undefined || warnedDays === undefined) return undefined;
	if (deadline === undefined || deadline <= now) return undefined;
	return {
		text: `the ${setupToken ? "setup token" : "login"} ends in ${formatDuration(deadline - now)}`,
		next: setupToken
			? "claude setup-token, then batond import --setup-token"
			: "in its last week make a new one on the PC: baton login, for this host; there is no gap",
	};
}
