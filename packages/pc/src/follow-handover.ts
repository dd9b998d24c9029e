/**
 * What a person hears of one hand-over while it goes on: a pure reading of the changes of the machine.
 */

import { SECOND } from "@baton/core/duration";
import type { BatonError } from "@baton/core/error";
import type { Handover, Host, PcState, StoreId } from "@baton/core/handover-state";
import { NORMAL_STORE } from "@baton/core/handover-state";
import type { Fingerprint } from "@baton/core/lineage";
import type { Outcome } from "./outcome.ts";
import type { Change } from "./run-handover.ts";

/** The hand-over that is followed. */
export interface Followed {
	readonly host: Host;
	readonly store: StoreId;
	/** Undefined until the login that was asked for is seen. */
	readonly fp: Fingerprint | undefined;
	/** The reason last heard for a refusal. */
	readonly reason: string | undefined;
	/** The hand-over as it was last seen. */
	readonly last: Handover | undefined;
	readonly claim: Claim;
}

/** What was heard, and said, of a claim whose outcome the host does not tell yet. */
interface Claim {
	/** Since when each answer was the same, wall-clock ms. */
	readonly since: number | undefined;
	readonly said: "nothing" | "claiming" | "doubt";
}

/** A claim takes a second or two; one that takes longer than this is in doubt. */
const SLOW_CLAIM = 10 * SECOND;

export interface Progress {
	readonly followed: Followed;
	/** Short lower-case lines. */
	readonly news: readonly string[];
	readonly outcome: Outcome | undefined;
}

export function startFollowing(host: Host, store: StoreId, fp?: Fingerprint): Followed {
	const claim: Claim = { since: undefined, said: "nothing" };
	return { host, store, fp, reason: undefined, last: undefined, claim };
}

/**
 * @param now wall-clock ms
 * @param trouble why the last request to the host failed, if it did
 */
export function follow(
	before: Followed,
	change: Change,
	now: number,
	trouble?: BatonError,
): Progress {
	const found = handoverFollowed(before, change.after);
	const followed: Followed = {
		...before,
		fp: found?.fp ?? before.fp,
		reason: reasonHeard(before, change) ?? before.reason,
		last: found ?? before.last,
		claim: claimAfter(before, change, now),
	};
	const news = [
		...newsOfAnswer(before, change),
		...newsOfClaim(before.claim, followed.claim, before.host),
		...newsOfStep(before.last, found, change),
	];
	if (change.event?.type === "link-failed" && change.event.host === before.host) {
		news.push(`no answer: ${trouble?.message ?? change.event.why}`);
	}
	return { followed, news, outcome: outcomeOf(followed, found, change) };
}

/** A login that claude rotated before it was taken goes on under its new fingerprint. */
function handoverFollowed({ fp, host, store }: Followed, state: PcState): Handover | undefined {
	const { handovers } = state.record;
	const same = handovers.find((one) => one.fp === fp);
	return same ?? handovers.find((one) => one.host === host && one.store === store && isOpen(one));
}

function isOpen({ step }: Handover): boolean {
	return step === "pending" || step === "provisional" || step === "taking";
}

function reasonHeard({ fp, host }: Followed, { event }: Change): string | undefined {
	if (event?.type !== "answer" || event.host !== host) return undefined;
	const { answer } = event;
	return "reason" in answer && "fp" in answer && answer.fp === fp ? answer.reason : undefined;
}

function newsOfAnswer({ fp, host }: Followed, { event, before }: Change): string[] {
	if (event?.type !== "answer" || event.host !== host) return [];
	const { answer } = event;
	if (!("fp" in answer) || answer.fp !== fp) return [];
	const asked = before.run.outstanding[host]?.type;
	if (asked === "deliver" && ["staged", "in-doubt", "claimed"].includes(answer.type)) {
		return ["delivered"];
	}
	if (answer.type === "decline" && answer.reason === "busy") return ["busy there, trying again"];
	return [];
}

function claimAfter({ claim, fp, host }: Followed, { event }: Change, now: number): Claim {
	if (event?.type !== "answer" || event.host !== host) return claim;
	const { answer } = event;
	if (!("fp" in answer) || answer.fp !== fp) return claim;
	if (answer.type !== "in-doubt") return { ...claim, since: undefined };
	const since = claim.since ?? now;
	if (claim.said === "nothing") return { since, said: "claiming" };
	return { since, said: now - since > SLOW_CLAIM ? "doubt" : claim.said };
}

/** Each is said once. */
function newsOfClaim(before: Claim, { said }: Claim, host: Host): string[] {
	if (said === before.said) return [];
	return said === "claiming"
		? ["claiming"]
		: [`still claiming: ${host} waits to learn how its claim came out`];
}

function newsOfStep(
	before: Handover | undefined,
	now: Handover | undefined,
	{ after }: Change,
): string[] {
	if (now === undefined || (before?.step === now.step && before.fp === now.fp)) return [];
	switch (now.step) {
		case "pending":
			return before === undefined ? ["login seen"] : ["claude has refreshed it: offered anew"];
		case "provisional":
			return ["login seen, but whether it is a fresh one cannot be told"];
		case "taking":
			return ["offered"];
		case "taken":
			return ["taken"];
		case "claimed":
			return [`claimed, generation ${generationOf(after, now)}`];
		case "putting-back":
			return ["coming back"];
		case "put-back":
			return ["put back"];
		default:
			return [];
	}
}

function generationOf({ record }: PcState, { host, lineageId }: Handover): number {
	return record.hosts[host]?.witness[lineageId]?.generation ?? 0;
}

function outcomeOf(
	{ fp, host, last, reason, store }: Followed,
	found: Handover | undefined,
	{ event, after }: Change,
): Outcome | undefined {
	if (fp === undefined) return undefined;
	const about = { host, fp };
	if (found?.step === "kept") {
		return { ...about, result: "kept", reason: found.reason ?? reason ?? "unsure" };
	}
	if (found?.step === "sealed") return { ...about, result: "spent", reason: found.reason };
	if (found !== undefined) return undefined;
	// The host is to hear that our copy is gone, if it can be told.
	if (after.run.confirms[fp] !== undefined && event?.type !== "link-failed") return undefined;
	switch (after.record.known[fp]?.was) {
		case "handed-over":
			// Never seen on its way: it was handed over at another time.
			if (last === undefined) return { ...about, result: "copy" };
			return {
				...about,
				result: "handed-over",
				generation: generationOf(after, last),
				leftPcWithout: store === NORMAL_STORE,
			};
		case "in-custody":
			return { ...about, result: "copy" };
		case "own":
			if (last?.step === "put-back" || last?.step === "putting-back") {
				return { ...about, result: "put-back", reason: last.reason ?? "unsure" };
			}
			return reason === undefined
				? { ...about, result: "forgotten" }
				: { ...about, result: "declined", reason };
		case undefined:
			return { ...about, result: "no-login", place: store };
	}
}
