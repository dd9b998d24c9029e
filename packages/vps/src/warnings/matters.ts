/**
 * What a person must hear of, away from this machine: the table of matters, each as it stands now. What
 * goes by itself has patience; what only a person can mend has none.
 */

import type { Matter } from "@baton/core/decide-warnings";
import { MINUTE } from "@baton/core/duration";
import { lossStory } from "@baton/core/loss-evidence";
import type { LossEvidence } from "@baton/core/protocol";
import type { NameStatus } from "../control-message.ts";
import { nearEnd } from "../deadline-words.ts";
import { explain } from "../explain-state.ts";
import { howToResume, isPaused, type SinkReport } from "../sink-report.ts";

/** @param now wall-clock ms */
export function mattersOf(status: NameStatus, now: number): readonly Matter[] {
	const { name } = status;
	const found = [
		loginMatter(status, now),
		claimMatter(status),
		doubtMatter(status, now),
		providerMatter(status),
		savingMatter(status),
		...status.sinks.map(sinkMatter),
	];
	return found.flatMap((one) =>
		one === undefined ? [] : [{ ...one, key: `${name}/${one.key}`, name }],
	);
}

/** Before its name is known. */
type Found = Omit<Matter, "name">;

const HAS_LOGIN = "has a login that is well";

/** A login that is lost, or nears its end: one matter, since a new login ends either. */
function loginMatter(status: NameStatus, now: number): Found | undefined {
	const { evidence, lineageId, deadline, warnedDays } = status;
	const common = { key: "login", patience: 0, over: HAS_LOGIN };
	if (evidence !== undefined) return { ...common, ...lossMatter(status, evidence, now) };
	const near = nearEnd(status, now);
	if (near === undefined || deadline === undefined) return undefined;
	return {
		...common,
		what: "deadline-near",
		news: `${lineageId}.${warnedDays}`,
		text: `${near.text}, ${minuteOf(deadline)}, and no refresh moves that`,
		next: near.next,
	};
}

/** Not over while another login is being claimed, and not told then either: that may be its end. */
function lossMatter(status: NameStatus, evidence: LossEvidence, now: number) {
	const { need, lineageId, state: phase } = status;
	const { state, next } = explain(status, now);
	const story = need === undefined ? [] : lossStory(need, evidence, now);
	return {
		what: phase === "rolled-back" ? "rolled-back" : "needs-login",
		news: `${lineageId}.${evidence.since}`,
		text: [state, ...story].join("; "),
		next,
		patience: need === undefined ? Number.POSITIVE_INFINITY : 0,
	};
}

function claimMatter({ claimRefused }: NameStatus): Found | undefined {
	if (claimRefused === undefined) return undefined;
	const { lineageId, at, reason } = claimRefused;
	return {
		key: "claim",
		what: "claim-refused",
		news: `${lineageId}.${at}`,
		text: `a login that was handed over is lost: ${REFUSED_CLAIMS[reason ?? ""] ?? REFUSED}`,
		next: "on the PC: baton login, for this host",
		over: "another login was claimed",
		patience: 0,
	};
}

const REFUSED = "the provider refused its claim for good, or never answered it";
const REFUSED_CLAIMS: Readonly<Record<string, string>> = {
	"other-account": "it is of another account than the one that is served here",
};

/** Either ends by itself, well or in a need; the time until then is a person's chance to act. */
function doubtMatter(status: NameStatus, now: number): Found | undefined {
	const { state, need, lineageId, generation } = status;
	if (need !== undefined || (state !== "in-doubt" && state !== "suspect")) return undefined;
	return {
		key: "doubt",
		what: state,
		news: `${lineageId}.${generation}.${state}`,
		text: explain(status, now).state,
		next: "wait, or make a new login now: baton login on the PC, for this host, with --replace",
		over: "the doubt about its login is over",
		patience: 30 * MINUTE,
	};
}

const ADDRESS = "see whether this machine's address is refused there; another address helps then";
const PROVIDER: Readonly<Record<string, readonly [text: string, next: string]>> = {
	forbidden: ["the provider refuses this machine, with 403", ADDRESS],
	request: ["the provider refuses what is asked, with 4xx", "look at provider in batond.json"],
};

/** A provider that is down is no person's matter until nobody has a token any more. */
function providerMatter({
	failures,
	refusal = "",
	serves,
	noToken,
}: NameStatus): Found | undefined {
	const common = { key: "provider", over: "the provider answers again", patience: 15 * MINUTE };
	const refused = failures > 0 ? PROVIDER[refusal] : undefined;
	if (refused !== undefined) {
		const [text, next] = refused;
		return { ...common, what: "provider-refuses", news: refusal, text, next };
	}
	const isOut = serves === undefined && (noToken === "out-of-reach" || noToken === "refused");
	if (!isOut) return undefined;
	return {
		...common,
		what: "provider-down",
		news: "no-token",
		text: "the access token has ended, and no new one can be got from the provider",
		next: "see that this machine can reach the provider; it is tried again by itself",
	};
}

function savingMatter({ trouble, troubleHint, unsaved }: NameStatus): Found | undefined {
	if (trouble === undefined) return undefined;
	const memory = unsaved ? "; the newest token is in memory only, so do not stop batond" : "";
	return {
		key: "saving",
		what: "not-saved",
		news: unsaved ? "unsaved" : "trouble",
		text: `nothing can be saved, so nothing is refreshed: ${trouble}${memory}`,
		next: troubleHint ?? "look at the state folder",
		over: "its state can be saved again",
		patience: MINUTE,
	};
}

const PAUSED = {
	foreign: "somebody logged in at sink NAME by hand; that login is left alone, and not refreshed",
	"logged-out": "somebody logged out at sink NAME by hand; it gets no tokens",
	"not-ours": "what lies at sink NAME was not written by batond; it gets no tokens",
} as const;

function sinkMatter({ name, state, trouble, hint }: SinkReport): Found | undefined {
	const common = { key: `sink/${name}`, over: `sink ${name} is well again` };
	if (isPaused(state)) {
		return {
			...common,
			what: `sink-${state}`,
			news: state,
			text: PAUSED[state].replace("NAME", name),
			next: howToResume(name, state),
			patience: 0,
		};
	}
	if (state !== "failing" && state !== "behind") return undefined;
	const why = trouble === undefined ? "" : `: ${trouble}`;
	return {
		...common,
		what: "sink-lags",
		news: "lags",
		text: `sink ${name} cannot be given the newest token${why}`,
		next: hint ?? "look at it; it is tried again by itself",
		patience: 15 * MINUTE,
	};
}

function minuteOf(at: number): string {
	return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
