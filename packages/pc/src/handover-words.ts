/** One hand-over as `baton status` tells it: what happened, who holds the login, what to do next. */

import type { Handover, Host, PcRules } from "@baton/core/handover-state";
import type { HowToLogin } from "./new-login.ts";
import { storeFlag } from "./store-flag.ts";
import {
	afterSpent,
	backFromEscrow,
	sealedWords,
	sinceWords,
	stepWords,
	transitWords,
} from "./words.ts";

/** What the next step depends on. */
export interface Around {
	/** Undefined for a host that is not in the settings. */
	readonly mode: PcRules["hosts"][Host]["mode"] | undefined;
	readonly login: HowToLogin;
	readonly isOutOfReach: boolean;
}

/** What happened, and who holds it now. */
export function handoverWords(handover: Handover): string {
	const { step, host, reason, takeBack } = handover;
	// What came back after a decline was withdrawn too, but nobody here asked for that.
	const why = reason === "withdrawn" && takeBack === "declined" ? "declined" : reason;
	const cameBack = why === undefined ? "" : `; it came back, since ${sinceWords(why, host)}`;
	switch (step) {
		case "taking":
			return takeBack === undefined
				? stepWords(step)
				: "this PC's own: it was accepted, but is no longer to be taken";
		case "taken":
			return takenWords(handover);
		case "claimed":
			return `${host} has claimed it; the copy here is about to be erased`;
		case "putting-back":
		case "put-back":
			return `${stepWords(step)}${cameBack}`;
		case "kept":
			return reason === "unsure"
				? "kept in escrow here: whether claude has spent it since cannot be told"
				: `this PC's own, kept in escrow, as its place holds another login${cameBack}`;
		case "sealed":
			return sealedWords(reason);
		default:
			return stepWords(step);
	}
}

function takenWords({ host, takeBack, provider }: Handover): string {
	switch (takeBack) {
		case undefined:
			if (provider !== undefined) return transitWords(provider);
			return `in transit: nobody may spend it until ${host} has claimed it`;
		case "asked":
			return `asked back: in transit until ${host} has let go of it, or has claimed it`;
		case "declined":
			return `no longer wanted there: in transit until ${host} has let go of it`;
	}
}

/** What a person can do, where it does not simply go on by itself. */
export function nextOfHandover(
	{ step, host, reason, store, takeBack }: Handover,
	{ mode, login, isOutOfReach }: Around,
): string | undefined {
	if (mode === undefined && isAskedAbout(step)) return nextWithoutHost(host, step);
	switch (step) {
		case "provisional":
			return `if it is meant for ${host}: baton handover ${host}${storeFlag(store, mode)}`;
		case "pending":
			return `to keep it here instead: baton take-back ${host}`;
		case "taken":
			return takeBack === undefined && !isOutOfReach
				? `to undo it: baton take-back ${host}`
				: `only if ${host} is gone for good: baton take-back ${host} --force`;
		case "kept":
			return isOfUse(reason)
				? backFromEscrow(host, reason)
				: "nothing to do: it is erased when it ends";
		case "sealed":
			return afterSpent(host, reason, login(host));
		default:
			return undefined;
	}
}

function isOfUse(reason: Handover["reason"]): boolean {
	return reason !== "dead" && reason !== "expired";
}

/** Steps that only a word with the host leads on from. */
function isAskedAbout(step: Handover["step"]): boolean {
	return ["provisional", "pending", "taking", "taken"].includes(step);
}

/** The host is not in the settings, so nobody asks it. */
function nextWithoutHost(host: Host, step: Handover["step"]): string {
	return step === "taken"
		? `name ${host} in the settings again; or, if it is gone for good: baton take-back ${host} --force`
		: `name ${host} in the settings again, or keep the login here: baton take-back ${host}`;
}
