/** A custody state in words a person understands, and what that person can do about it. */

import type { LossReason } from "@baton/core/protocol";
import type { NameStatus } from "./control-message.ts";

export interface Explanation {
	readonly state: string;
	/** The next step; absent when there is nothing to be done. */
	readonly next: string | undefined;
}

const NEW_LOGIN = "on the PC, baton status says how to make a new login for this host";
const DELIVER_AGAIN = "on the PC, keep baton watch running: it delivers the login again";
const STANDSTILL = "stands still, as nothing can be saved";
const BY_ITSELF = "it goes on by itself";
const SINKS_FIRST = `mend the sinks above that cannot be written; ${BY_ITSELF}`;
const CLAIMS: Readonly<Record<string, string>> = {
	refreshing: "a login has arrived and is being claimed",
	"in-doubt": "a login has arrived, and its claim got no answer; waiting to see what became of it",
};
const MAY_UNDO = "none, but if it stays so, the PC can have it back: baton take-back";
const WAIT = "none, but if it stays so, see that this host can reach the provider";

const STATES: Readonly<Record<string, string>> = {
	none: "no login yet",
	staged: "a login has arrived and is being claimed",
	verifying: "has claimed a login, served once the provider has named its account",
	held: "well; this host holds the login and keeps it fresh",
	refreshing: "well; a refresh is under way",
	"in-doubt": "a refresh got no answer; waiting to see what became of it",
	suspect: "the access token was refused before its time; looking into it",
	"rolled-back": "this host's memory is older than the login: it was restored from a copy",
	revoking: "is being logged out for good, as a person asked; nothing is refreshed",
	"needs-login": "needs a new login",
};

const REASONS: Readonly<Record<LossReason, string>> = {
	"none-yet": "no login yet",
	"revoked-or-reused": "needs a new login: revoked, or used somewhere else",
	deadline: "needs a new login: the old one has reached its end",
	"lost-in-flight": "needs a new login: the answer to a refresh was lost",
	"logged-out": "needs a new login: logged out",
	"rolled-back": "needs a new login, as it was restored from a copy",
};

/** Of a setup token, where it is not what a login does. */
const SETUP_TOKEN: Readonly<Record<string, string>> = {
	staged: "a setup token has arrived; served once the provider was asked about it",
	held: "well; this host serves a setup token, which is never refreshed",
};
const SETUP_TOKEN_LOST: Readonly<Partial<Record<LossReason, string>>> = {
	"revoked-or-reused": "needs another setup token: the provider refuses this one",
	deadline: "needs another setup token: this one has reached its end",
};
export const ANOTHER_SETUP_TOKEN =
	"give batond import --setup-token what claude setup-token prints; or make a login on the PC";

const WAITS_FOR_PC = "a login has arrived and waits for the PC to deliver it once more";
const AWAITS_PC =
	"its access token ended while nothing ran here; asks the PC first whether this is a restored copy";
const ENDED = "holds the login, but its access token has ended; trying to get a new one";

type Facts = Pick<
	NameStatus,
	| "state"
	| "need"
	| "accessUntil"
	| "accessRefused"
	| "waitsForPc"
	| "unanswered"
	| "generation"
	| "pcAwaitedUntil"
	| "waitsForSinks"
	| "trouble"
	| "troubleHint"
> &
	Partial<Pick<NameStatus, "failures" | "setupToken">>;

/** @param now wall-clock ms */
export function explain(facts: Facts, now: number): Explanation {
	const { state, need, accessUntil, waitsForPc, unanswered } = facts;
	const ended = accessUntil !== undefined && accessUntil <= now;
	// Not a new login, nor a PC, is of any help before that.
	if (facts.trouble !== undefined) return standstill(facts);
	if (state === "revoking") return { state: STATES[state] ?? state, next: undefined };
	const setupToken = explainSetupToken(facts);
	if (setupToken !== undefined) return setupToken;
	if (state === "staged" && waitsForPc) return { state: WAITS_FOR_PC, next: DELIVER_AGAIN };
	if (need !== undefined || state === "rolled-back") {
		const served = state === "rolled-back" ? servedWords(facts, ended) : "";
		const next = need === undefined ? undefined : waitsForPc ? DELIVER_AGAIN : NEW_LOGIN;
		return { state: served + REASONS[need ?? "rolled-back"], next };
	}
	const unnamed = state === "verifying" || (state === "staged" && unanswered !== undefined);
	if (unnamed) return { state: STATES[state] ?? state, next: WAIT };
	return explainWaiting(facts, ended) ?? explainGoing(facts, ended);
}

function explainSetupToken({ setupToken, waitsForPc, need, state }: Facts) {
	if (!setupToken || waitsForPc) return undefined;
	const words = need === undefined ? SETUP_TOKEN[state] : SETUP_TOKEN_LOST[need];
	const next = need === undefined ? undefined : ANOTHER_SETUP_TOKEN;
	return words === undefined ? undefined : { state: words, next };
}

function standstill({ troubleHint = "look at the state folder" }: Facts): Explanation {
	return { state: STANDSTILL, next: `${troubleHint}; ${BY_ITSELF}` };
}

/** What a refresh or a claim is held back for. */
function explainWaiting(facts: Facts, ended: boolean): Explanation | undefined {
	const { pcAwaitedUntil } = facts;
	if (pcAwaitedUntil !== undefined) {
		const goesOn = new Date(pcAwaitedUntil).toISOString().slice(11, 16);
		const next = `run baton watch on the PC; without it, this goes on at ${goesOn} UTC`;
		return { state: AWAITS_PC, next };
	}
	const held = holdingWords(facts, ended);
	return held === undefined ? undefined : { state: held, next: SINKS_FIRST };
}

function explainGoing({ state, failures = 0, generation }: Facts, ended: boolean): Explanation {
	// Generation 0 is as it was delivered: what goes on is its claim.
	const claims = generation === 0 && CLAIMS[state];
	if (claims) return { state: claims, next: undefined };
	const well = state === "held" || state === "refreshing";
	if (well && ended) return { state: ENDED, next: failures > 0 ? WAIT : undefined };
	const refused = state === "staged" && failures > 0;
	return { state: STATES[state] ?? state, next: refused ? MAY_UNDO : undefined };
}

/** A login that is well, and whose refresh or claim waits for its sinks. */
function holdingWords({ state, waitsForSinks }: Facts, ended: boolean): string | undefined {
	if (waitsForSinks === undefined) return undefined;
	const until = waitsForSinks === "one" ? "a sink can be written" : "all sinks can be written";
	if (state === "staged") return `a login has arrived; it is claimed once ${until}`;
	if (state !== "held") return undefined;
	const holds = ended ? "its access token has ended" : "holds the login";
	return `${holds}; refreshed once ${until}`;
}

/** What became of the access token of a host that will not refresh it. */
function servedWords({ accessRefused }: Facts, ended: boolean): string {
	if (ended) return "its access token has ended; ";
	return accessRefused ? "the provider refuses its access token; " : "serves what it has; ";
}
