/** How one name fares: in one line, in facts, and in a code. */

import type { AskDecline, AskVerdict } from "@baton/core/ask-verdict";
import { formatDuration } from "@baton/core/duration";
import { EXIT, type ExitCode } from "@baton/core/error";
import { isOutOfReach } from "@baton/core/provider-trouble";
import type { NameStatus, NoTokenReason } from "./control-message.ts";
import { nearEnd } from "./deadline-words.ts";
import { ANOTHER_SETUP_TOKEN, explain } from "./explain-state.ts";
import type { SinkReport } from "./sink-report.ts";

/** What asking for a refresh came to. */
export type Fix =
	| Extract<AskVerdict, { kind: "declined" }>
	/** It was asked for when the login was at this generation. */
	| { readonly kind: "waiting"; readonly generation: number | undefined };

export interface CheckView {
	/** Wall-clock ms. */
	readonly now: number;
	readonly withinMs: number;
	/** Undefined if nothing was asked for. */
	readonly fix: Fix | undefined;
}

export interface Check {
	readonly code: ExitCode;
	readonly line: string;
	readonly name: string;
	readonly state: string;
	/** Of the access token that is given out, ms. */
	readonly left?: number;
	readonly until?: number;
	/** The end of the login, or of the setup token. */
	readonly deadline?: number;
	readonly refreshed?: boolean;
	/** Why a refresh that was asked for is not made. */
	readonly declined?: AskDecline;
	readonly sinks: readonly Pick<SinkReport, "name" | "state">[];
	readonly next?: string;
}

export function judgeCheck(status: NameStatus, view: CheckView): Check {
	const { name, state, serves, deadline, sinks } = status;
	const until = serves?.until;
	const code = codeOf(status, view);
	const next = nextOf(status, view, code);
	const near = nearEnd(status, view.now);
	const said = [
		...fixWords(status, view),
		...(serves === undefined ? [whyNone(status, view)] : [leftWords(status, view)]),
		...(serves === undefined ? [] : doubts(status, view)),
		...(near === undefined ? [] : [`${near.text}: ${near.next}`]),
		...(code === EXIT.refreshDue && view.fix === undefined ? ["refresh due"] : []),
		...sinks.flatMap(sinkWords),
		...(status.trouble === undefined ? [] : [`nothing can be saved: ${status.trouble}`]),
		...(next === undefined ? [] : [`next: ${next}`]),
	];
	return {
		code,
		line: `${name}: ${said.join("; ")}`,
		name,
		state,
		...(until === undefined ? {} : { left: Math.max(0, until - view.now), until }),
		...(deadline === undefined ? {} : { deadline }),
		...(view.fix === undefined ? {} : { refreshed: isRefreshed(status, view.fix) }),
		...(view.fix?.kind === "declined" ? { declined: view.fix.why } : {}),
		sinks: sinks.map((sink) => ({ name: sink.name, state: sink.state })),
		...(next === undefined ? {} : { next }),
	};
}

const WITHOUT: Readonly<Record<NoTokenReason, ExitCode>> = {
	"needs-login": EXIT.needsLogin,
	"out-of-reach": EXIT.providerUnreachable,
	refused: EXIT.providerUnreachable,
	unanswered: EXIT.providerUnreachable,
	waiting: EXIT.providerUnreachable,
	sinks: EXIT.fault,
	"not-saved": EXIT.fault,
};

function codeOf(status: NameStatus, { now, withinMs }: CheckView): ExitCode {
	const { serves, need, noToken = "needs-login", trouble, setupToken } = status;
	if (trouble !== undefined) return EXIT.fault;
	if (need !== undefined || hasEnded(status, now)) return EXIT.needsLogin;
	if (serves === undefined) return WITHOUT[noToken];
	const isShort = serves.until !== undefined && serves.until - now < withinMs;
	if (isShort) return setupToken ? EXIT.needsLogin : EXIT.refreshDue;
	return status.accessRefused || status.state === "suspect" ? EXIT.refreshDue : EXIT.well;
}

/** Its last access token is served to its end, and no refresh follows. */
function hasEnded({ deadline }: NameStatus, now: number): boolean {
	return deadline !== undefined && deadline <= now;
}

// Words

function leftWords({ serves, deadline, setupToken }: NameStatus, { now }: CheckView): string {
	const until = serves?.until;
	const left =
		until === undefined
			? "served, its end is not known"
			: `${formatDuration(until - now)} left, until ${minuteOf(until)} UTC`;
	if (setupToken) return `${left} (a setup token, never refreshed)`;
	if (deadline === undefined) return left;
	return `${left} (login ${deadline <= now ? "ended" : "ends"} ${dayOf(deadline)})`;
}

const NONE: Readonly<Record<NoTokenReason, string>> = {
	"needs-login": "needs a login",
	"out-of-reach": "the access token has ended and the provider is out of reach",
	refused: "the access token has ended and the provider refuses for now",
	unanswered: "the provider has yet to say whose the login is",
	waiting: "the provider has yet to answer",
	sinks: "the access token has ended, and nothing is refreshed while a sink cannot be written",
	"not-saved": "the service cannot save its state",
};

/** Where a person is needed, the words of `batond status` say why. */
function whyNone(status: NameStatus, { now }: CheckView): string {
	const { noToken = "needs-login", state } = status;
	if (noToken === "needs-login") return explain(status, now).state;
	const doubt = state === "in-doubt" ? `; ${explain(status, now).state}` : "";
	return `${NONE[noToken]}${doubt}`;
}

/** What there is to say of a token that is given out all the same. */
function doubts(status: NameStatus, { now }: CheckView): string[] {
	const { state, need, waitsForPc, failures, refusal, waitsForSinks } = status;
	const isQuiet = (state === "held" || state === "refreshing") && need === undefined;
	const needsNoWord = isQuiet && waitsForSinks === undefined;
	const provider = isOutOfReach(refusal) ? "is out of reach" : "refuses for now";
	return [
		...(needsNoWord ? [] : [explain(status, now).state]),
		...(hasEnded(status, now) ? ["no refresh can follow"] : []),
		...(waitsForPc ? ["a new login waits for its PC to deliver it again"] : []),
		...(isBeingClaimed(status) ? ["a new login is being claimed"] : []),
		...(failures > 0 ? [`the provider ${provider}`] : []),
	];
}

function isBeingClaimed({ staged, waitsForPc }: NameStatus): boolean {
	return staged !== undefined && staged.state !== "needs-login" && !waitsForPc;
}

const SINKS: Readonly<Record<SinkReport["state"], string | undefined>> = {
	current: undefined,
	idle: undefined,
	cleared: undefined,
	clearing: "is about to be cleared",
	kept: "may hold what it was given",
	behind: "lags",
	failing: "cannot be written",
	foreign: "is paused: somebody else's login lies there",
	"logged-out": "is paused: a person logged out there",
	"not-ours": "is paused: what is there was not written by batond",
};

function sinkWords({ name, state }: SinkReport): string[] {
	const words = SINKS[state];
	return words === undefined ? [] : [`sink ${name} ${words}`];
}

function isRefreshed({ generation = 0 }: NameStatus, fix: Fix): boolean {
	return fix.kind === "waiting" && generation > (fix.generation ?? 0);
}

function fixWords(status: NameStatus, { fix }: CheckView): string[] {
	if (fix === undefined) return [];
	if (fix.kind === "declined") return [`not refreshed: ${declineWords(fix)}`];
	if (isRefreshed(status, fix)) return ["refreshed"];
	const isOpen = status.asked === true || status.state === "refreshing";
	return [
		isOpen ? "a refresh was asked for and is not over yet" : "a refresh was asked for and failed",
	];
}

const DECLINES: Readonly<Record<AskDecline, string>> = {
	"too-soon": "refreshed too short a while ago",
	"backing-off": "the provider is tried again by itself",
	"end-unknown": "the end of its access token is not known",
	"no-refresh": "there is nothing to refresh it with",
	"not-held": "not while its login is in this state",
};

function declineWords({ why, from }: Extract<Fix, { kind: "declined" }>): string {
	return from === undefined ? DECLINES[why] : `${DECLINES[why]}, from ${minuteOf(from)} UTC on`;
}

function nextOf(status: NameStatus, { now, fix }: CheckView, code: ExitCode): string | undefined {
	if (code === EXIT.well) return undefined;
	if (code === EXIT.refreshDue) {
		const isFixable = fix === undefined && status.state === "held" && status.failures === 0;
		return isFixable && status.waitsForSinks === undefined
			? `batond check --fix --name ${status.name}`
			: undefined;
	}
	if (code === EXIT.needsLogin) {
		return explain(status, now).next ?? (status.setupToken ? ANOTHER_SETUP_TOKEN : NEW_LOGIN);
	}
	return "batond status";
}

const NEW_LOGIN = "on the PC, baton status says how to make a new login for this host";

function dayOf(at: number): string {
	return new Date(at).toISOString().slice(0, 10);
}

function minuteOf(at: number): string {
	return new Date(at).toISOString().slice(0, 16).replace("T", " ");
}
