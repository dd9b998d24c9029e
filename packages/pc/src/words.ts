/** The protocol's reasons and the steps of a hand-over as a person reads them. */

import type { HandoverStep } from "@baton/core/handover-state";

const DECLINES: Readonly<Record<string, string>> = {
	healthy: "the login it has is in good order",
	retired: "it had this login before and has replaced it since",
	"other-account": "this login is of another account than the one served there",
	busy: "it is busy with another login",
	expired: "this login has reached its end",
	blank: "this login is empty",
	dead: "the provider no longer takes this login",
	replaced: "another login took its place there",
	withdrawn: "it was taken back",
	forced: "it was taken back by force",
	unsure: "whether it is still the PC's own cannot be told",
};

export function declineWords(reason: string): string {
	return DECLINES[reason] ?? reason;
}

const LOSSES: Readonly<Record<string, string>> = {
	"revoked-or-reused": "its login was revoked, or spent elsewhere",
	deadline: "its login has reached its end",
	"lost-in-flight": "a refresh got no reply, and the new tokens with it",
	"logged-out": "somebody logged out there",
	"rolled-back": "it was set back to an older state",
	"none-yet": "it has none yet",
};

export function lossWords(reason: string): string {
	return LOSSES[reason] ?? reason;
}

const STEPS: Record<HandoverStep, string> = {
	provisional: "seen, but whether it is a fresh login cannot be told",
	pending: "to be offered; nothing has been touched",
	taking: "offered and accepted, about to be taken",
	taken: "in transit: nobody may spend it until the host has claimed it",
	claimed: "claimed by the host, the copy here is about to be erased",
	"putting-back": "on its way back to this PC",
	"put-back": "back on this PC",
	kept: "this PC's own, kept in escrow: its place holds another, or it is not sure",
	sealed: "spent: never used again",
	discarding: "spent, about to be erased",
};

/** Why a login is the PC's own again. */
export function leftWords(reason: string | undefined): string {
	switch (reason) {
		case undefined:
		case "unsure":
			return "in its folder here, declined or taken back";
		case "withdrawn":
		case "forced":
			return "in its folder here, taken back";
		default:
			return `in its folder here, not handed over: ${declineWords(reason)}`;
	}
}

/** What became of a login that is sealed. */
export function sealedWords(reason: string | undefined): string {
	return reason === "other-account"
		? "spent: claimed, and then found to be of another account than the host serves"
		: stepWords("sealed");
}

/** What a person can do about a login that the host did not take, if anything. */
export function afterDecline(
	host: string,
	reason: string | undefined,
	{ handover, login }: { handover: string; login: string },
): string | undefined {
	switch (reason) {
		case "healthy":
			return `to replace it all the same: ${handover} --replace`;
		case "other-account":
			return afterSpent(host, reason, login);
		case "expired":
		case "blank":
		case "dead":
			return `make a new login for ${host}: ${login}`;
		default:
			return undefined;
	}
}

/** What a person can do about a login that is spent. */
export function afterSpent(host: string, reason: string | undefined, login: string): string {
	return reason === "other-account"
		? `${host} keeps to its account, so make a login of that one: ${login}`
		: `make a new login for ${host}: ${login}`;
}

/** How a login in escrow gets back into its place. */
export function backFromEscrow(host: string, reason: string | undefined): string {
	return reason === "unsure"
		? `claude may have spent it; to put it back all the same: baton take-back ${host} --force`
		: `to put it back, log out there and run: baton take-back ${host}`;
}

export function stepWords(step: HandoverStep): string {
	return STEPS[step];
}
