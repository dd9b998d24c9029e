/** `batond status`: who holds what, since when, until when, and what a person can do next. */

import { formatDuration } from "@baton/core/duration";
import { EXIT } from "@baton/core/error";
import { lossStory } from "@baton/core/loss-evidence";
import type { Clock } from "@baton/io/clock";
import type { KeyOrigin } from "@baton/io/key-source";
import { askService } from "./ask-service.ts";
import type { NameStatus, OutletStatus, ServiceStatus, SettingsReport } from "./control-message.ts";
import { nearEnd } from "./deadline-words.ts";
import type { EngineChoice } from "./engines/choose-engine.ts";
import { explain } from "./explain-state.ts";
import { jsonLine, type Said } from "./said.ts";
import { howToResume, isPaused, type SinkReport } from "./sink-report.ts";

export interface StatusOptions {
	readonly stateFolder: string;
	readonly json: boolean;
	readonly clock: Clock;
}

/** @throws BatonError `service-unavailable` */
export async function status({ stateFolder, json, clock }: StatusOptions): Promise<Said> {
	const answer = await askService(stateFolder, { v: 1, type: "status" }, clock);
	const service = answer as ServiceStatus;
	const { v: _version, type: _type, ...facts } = service;
	const stdout = json ? jsonLine(facts) : describe(service);
	return { stdout, stderr: "", code: EXIT.well };
}

export function describe(service: ServiceStatus): string {
	const { version, names, now, tokenUrl, engine, key, settings, warnings } = service;
	const lines = [
		`batond ${version}, refreshes at ${new URL(tokenUrl).host}`,
		...(engine === undefined ? [] : [engineWords(engine)]),
		...(key === undefined ? [] : KEY_WORDS[key]),
		...settingsWords(settings),
		...names.flatMap((name) => describeName(name, now)),
		...(warnings === undefined ? [] : ["", "warnings:", ...warnings.map(describeOutlet)]),
	];
	return `${lines.join("\n")}\n`;
}

function describeOutlet({ name, waiting, missed, trouble }: OutletStatus): string {
	const lost = missed === 0 ? "" : `, ${missed} given up`;
	if (trouble === undefined) return `  by ${name}`;
	return `  by ${name}: could not be sent (${trouble}); ${waiting} waiting${lost}; trying again`;
}

function engineWords(engine: EngineChoice): string {
	const why = engine.why === undefined ? "" : `: ${engine.why}`;
	if (engine.name === "http") return `engine http${why}`;
	const { program, version } = engine;
	if (program !== undefined) return `engine claude-cli: claude ${version}, ${program}`;
	const next = 'install Claude Code, or set engine to "auto" in batond.json';
	return `engine claude-cli cannot refresh${why}\n  next: ${next}`;
}

const KEY_WORDS: Readonly<Record<KeyOrigin, readonly string[]>> = {
	file: ["its state is encrypted; the key is in a file of its own"],
	credential: ["its state is encrypted; the key is a systemd credential"],
	"credential-and-file": [
		"its state is encrypted; the key is a systemd credential, and in a file as well",
		"  next: remove that file, if the key shall open the state on this machine alone",
	],
};

function settingsWords({ trouble, hint, waiting = [] }: SettingsReport = {}): string[] {
	if (trouble !== undefined) {
		const line = `the settings before still hold, as the new ones are wrong: ${trouble}`;
		return hint === undefined ? [line] : [line, `  next: ${hint}`];
	}
	if (waiting.length === 0) return [];
	return [`not in force before a restart: ${waiting.join(", ")}`];
}

function describeName(status: NameStatus, now: number): string[] {
	const { name, sinks, staged, failures, unanswered, trouble, unsaved, need, evidence } = status;
	const { notRevoked } = status;
	const { state, next } = explain(status, now);
	const story =
		need === undefined || evidence === undefined || status.setupToken
			? []
			: lossStory(need, evidence, now);
	return [
		"",
		`${name}: ${state}`,
		...story.map((line) => `  ${line}`),
		...facts(status, now),
		...(staged === undefined
			? []
			: [`  a new login from ${staged.device} ${stagedWords(staged.state)}`]),
		...refusedClaim(status, now),
		...sinks.flatMap(describeSink),
		...(failures === 0 ? [] : failureWords(status)),
		...(unanswered === undefined
			? []
			: [`  the provider has not said whose the login is (asked ${unanswered} times)`]),
		...(notRevoked === undefined ? [] : [`  the provider did not log it out: ${notRevoked}`]),
		...(trouble === undefined ? [] : [`  ${trouble}`]),
		...(unsaved ? [UNSAVED] : []),
		...(next === undefined ? [] : [`  next: ${next}`]),
	];
}

function refusedClaim({ claimRefused }: NameStatus, now: number): string[] {
	if (claimRefused === undefined) return [];
	const { lineageId, at, reason } = claimRefused;
	const why = reason === "other-account" ? ", as it is of another account" : "";
	const ago = formatDuration(now - at);
	return [`  login ${lineageId} could not be claimed${why}, ${ago} ago: it is spent`];
}

const UNSAVED = "  the newest token is in memory only: do not stop batond before it is saved";

function stagedWords(state: string): string {
	if (state === "verifying") return "is claimed, its account yet to be named";
	if (state === "needs-login") return "was lost as it was claimed: it is kept, and never used";
	return state === "in-doubt" ? "may be claimed: no answer came" : "is being claimed";
}

const REFUSALS: Readonly<Record<string, string>> = {
	"out of reach": "is out of reach",
	proxy: "is out of reach: the proxy does not let us through",
	certificate: "is out of reach: its certificate, or the proxy's, is not trusted",
	"rate-limited": "asks to wait, with 429",
	forbidden: "refuses with 403",
	server: "refuses with 5xx",
	scope: "refuses the scopes it was asked for",
	request: "refuses with 4xx",
};

function failureWords({ failures, refusal = "" }: NameStatus): string[] {
	const how = REFUSALS[refusal] ?? "does not answer";
	const line = `  the provider ${how} (failure ${failures} in a row); trying again`;
	const isOurs = refusal === "request" || refusal === "proxy" || refusal === "certificate";
	return isOurs ? [line, "    next: look at provider in batond.json"] : [line];
}

function facts(status: NameStatus, now: number): string[] {
	const { lineageId, generation, device, rotatedAt, accessUntil, deadline, setupToken } = status;
	if (lineageId === undefined) return [];
	const near = nearEnd(status, now);
	const advice = near === undefined ? [] : [`    next: ${near.next}`];
	if (setupToken) {
		const end = until("setup token", deadline, now);
		return [`  setup token ${lineageId}, from ${device}`, ...end, ...advice];
	}
	return [
		`  login ${lineageId}, generation ${generation}, from ${device}`,
		...(rotatedAt === undefined ? [] : [`  access token ${formatDuration(now - rotatedAt)} old`]),
		...until("access token", accessUntil, now),
		...until("login", deadline, now),
		...advice,
	];
}

function until(what: string, at: number | undefined, now: number): string[] {
	if (at === undefined) return [];
	const date = `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
	if (at <= now) return [`  ${what} ended ${formatDuration(now - at)} ago, ${date}`];
	return [`  ${what} ends in ${formatDuration(at - now)}, ${date}`];
}

export const SINK_WORDS: Readonly<Record<SinkReport["state"], string>> = {
	current: "has the newest access token",
	behind: "is about to get the newest access token",
	failing: "cannot be written; trying again",
	foreign: "somebody logged in there by hand; that login is left alone",
	"logged-out": "somebody logged out there by hand; left alone",
	"not-ours": "what is there was not written by batond; left alone",
	idle: "waits for the first access token",
	clearing: "is about to be cleared of its access token",
	cleared: "holds nothing of ours any more",
	kept: "was given an access token by a command, which nothing takes back",
};

function describeSink({ name, state, trouble, hint }: SinkReport): string[] {
	const why = trouble === undefined ? "" : ` (${trouble})`;
	const line = `  sink ${name}: ${SINK_WORDS[state]}${why}`;
	if (isPaused(state)) return [line, `    next: ${howToResume(name, state)}`];
	return hint === undefined ? [line] : [line, `    next: ${hint}`];
}
