/** How it came out, for people: one line, and the next step where there is one. */

import type { HowToLogin } from "./new-login.ts";
import type { Outcome } from "./outcome.ts";
import {
	afterDecline,
	afterForce,
	afterSpent,
	backFromEscrow,
	declineWords,
	stepWords,
} from "./words.ts";

export interface OutcomeWords {
	readonly line: string;
	readonly next: string | undefined;
}

/** What the next step depends on. */
export interface AskedFor {
	/** The store a person named, to be named again. */
	readonly named: "normal" | "dedicated" | undefined;
	/** The store that was looked at. */
	readonly store: "normal" | "dedicated" | undefined;
	readonly login: HowToLogin;
	/** It was to come back, not to go. */
	readonly takeBack?: boolean;
}

export function outcomeWords(outcome: Outcome, asked: AskedFor): OutcomeWords {
	const { named, store, login, takeBack = false } = asked;
	const { host } = outcome;
	const handover = `baton handover ${host}${named === undefined ? "" : ` --store ${named}`}`;
	const newLogin = `make a new login for ${host}: ${login(host)}`;
	const words = (line: string, next?: string): OutcomeWords => ({ line, next });
	switch (outcome.result) {
		case "handed-over":
			if (takeBack) return words(`too late: ${host} has claimed the login, and keeps it`);
			return words(
				`handed over to ${host}`,
				outcome.leftPcWithout
					? "run /login once more in claude on this PC, for the PC itself"
					: undefined,
			);
		case "permit-open":
			return words(
				`the next login goes to ${host}`,
				"run /login in claude on this PC; baton watch hands it over",
			);
		case "asked":
			return words(`to be handed over to ${host}`, "to see how it fares: baton status");
		case "declined":
			return words(
				`${host} declined: ${declineWords(outcome.reason)}`,
				afterDecline(host, outcome.reason, { handover, login: login(host) }),
			);
		case "put-back":
			return words(
				`the login is back on this PC: ${declineWords(outcome.reason)}`,
				outcome.reason === "forced"
					? afterForce(host, login(host))
					: afterDecline(host, outcome.reason, { handover, login: login(host) }),
			);
		case "kept":
			return words(
				"the login is this PC's own again, but kept in escrow",
				backFromEscrow(host, outcome.reason),
			);
		case "spent":
			return words(spentLine(outcome), afterSpent(host, outcome.reason, login(host)));
		case "copy":
			return words(
				"this login was handed over before; the copy found here is disarmed",
				store === "dedicated" ? newLogin : "run /login in claude on this PC for a login of its own",
			);
		case "no-login":
			return words(
				`there is no login in ${outcome.place}`,
				store === "dedicated" ? newLogin : "run /login in claude first",
			);
		case "nothing-under-way":
			return words(`nothing is on its way to ${host}`);
		case "forgotten":
			return words(`nothing is on its way to ${host} any more; the login is this PC's own`);
		case "permit-closed":
			return words(`the permit for ${host} is closed`);
		case "under-way":
			if (takeBack) {
				const asked = `asked back: in transit until ${host} has let go of it, or has claimed it`;
				const gone = `only if ${host} is gone for good: baton take-back ${host} --force`;
				return words(underWayLine(outcome, asked), gone);
			}
			return words(underWayLine(outcome), outcome.hint ?? nextWhileUnderWay(outcome, handover));
	}
}

function spentLine({ host, reason }: Outcome & { result: "spent" }): string {
	return reason === "other-account"
		? `${host} has claimed the login and let go of it: it is of another account`
		: `${host} could not claim the login: it is spent or revoked`;
}

function underWayLine(
	{ step, trouble }: Outcome & { result: "under-way" },
	where = stepWords(step),
): string {
	return trouble === undefined ? where : `${trouble}; the login is ${where}`;
}

function nextWhileUnderWay({ step }: Outcome & { result: "under-way" }, handover: string): string {
	return step === "provisional"
		? `to hand it over all the same: ${handover}`
		: "baton watch goes on with it; to see how it fares: baton status";
}
