/** The protocol's reasons and the steps of a hand-over as a person reads them. */

import type { HandoverStep, Host } from "@baton/core/handover-state";

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
	provisional: "seen, and left alone: whether it is a fresh login cannot be told",
	pending: "to be offered; nothing has been touched",
	taking: "this PC's own still: accepted, and about to be taken",
	taken: "in transit: nobody may spend it until the host has claimed it",
	claimed: "claimed by the host; the copy here is about to be erased",
	"putting-back": "this PC's own again, about to be put back in its place",
	"put-back": "this PC's own again, and back in its place",
	kept: "this PC's own, kept in escrow: its place holds another, or it is not sure",
	sealed: "lost: the claim was refused, or its answer never came; it is not used again",
	discarding: "of no use to anybody; the copy here is about to be erased",
};

const SINCE: Readonly<Record<string, (host: Host) => string>> = {
	healthy: (host) => `${host} has one in good order`,
	retired: (host) => `${host} had it before and has replaced it`,
	"other-account": (host) => `it is of another account than ${host} serves`,
	busy: (host) => `${host} was busy with another login`,
	expired: () => "it has reached its end",
	blank: () => "it is empty",
	dead: () => "the provider no longer takes it",
	replaced: (host) => `another login took its place on ${host}`,
	declined: (host) => `${host} no longer wanted it`,
	withdrawn: () => "it was taken back",
	forced: () => "it was taken back by force",
	unsure: () => "whether claude had spent it could not be told",
};

/** Why a login came back or was not taken, with both it and the host in one line. */
export function sinceWords(reason: string, host: Host): string {
	return SINCE[reason]?.(host) ?? reason;
}

/** Why a login in a host's folder here is the PC's own. */
export function leftWords(reason: string | undefined, host: Host): string {
	return reason === undefined || reason === "unsure"
		? "in its folder here, declined or taken back"
		: `in its folder here, not handed over, since ${sinceWords(reason, host)}`;
}

const PROVIDER: Readonly<Record<string, string>> = {
	"out of reach": "the provider is out of reach from there",
	proxy: "a proxy there does not let it through to the provider",
	certificate: "it does not trust the certificate that the provider, or a proxy, shows it",
	"rate-limited": "the provider asks it to wait (429)",
	forbidden: "the provider refuses it (403)",
	server: "the provider is in trouble (5xx)",
	scope: "the provider refuses the login's scopes",
	request: "the provider does not understand it (4xx)",
	unanswered: "the provider has not said whose the login is",
};

/** What stands between a host and the provider. */
export function providerWords(trouble: string): string {
	return PROVIDER[trouble] ?? `the provider: ${trouble}`;
}

/** Where a login on its way stands, with what keeps the host from claiming it. */
export function transitWords(trouble: string): string {
	return `in transit: not claimed yet, as ${providerWords(trouble)}; it is tried again`;
}

/** What became of a login that is sealed. */
export function sealedWords(reason: string | undefined): string {
	return reason === "other-account"
		? "lost: claimed, and then found to be of another account than the host serves"
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
		case "retired":
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

/** Nobody knows whether the host had claimed it. */
export function afterForce(host: string, login: string): string {
	return `if ${host} did claim it, one of the two will fail, and then: ${login}`;
}

/** How a login in escrow gets back into its place. */
export function backFromEscrow(host: string, reason: string | undefined): string {
	return reason === "unsure"
		? `claude may have spent it; to put it back all the same: baton take-back ${host} --force`
		: `to put it back once its place is without a login: baton take-back ${host}`;
}

export function stepWords(step: HandoverStep): string {
	return STEPS[step];
}
