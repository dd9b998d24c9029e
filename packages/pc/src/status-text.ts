/** The facts of `baton status` as short lines for people, within 80 columns. */

import { formatDuration } from "@baton/core/duration";
import { lossStory } from "@baton/core/loss-evidence";
import type { HostFacts, LeftFacts, PermitFacts, StatusFacts } from "./status-facts.ts";
import { lossWords, providerWords } from "./words.ts";

const WIDTH = 80;

/** @param now wall-clock ms */
export function statusText(facts: StatusFacts, now: number): string[] {
	const { watcher, permit, hosts, stores, trouble } = facts;
	const waits = !watcher.running && (permit !== undefined || hosts.some(isUnderWay));
	const names = ["watcher", "permit", ...hosts.map(({ host }) => host)];
	const indent = Math.min(Math.max(...names.map((name) => name.length)) + 2, 24);
	const put = (name: string, text: string) => wrap(name, text, indent);
	const next = (text: string) => nextText(text, put, indent);
	const page: Page = { put, next, isWatched: watcher.running };
	return [
		...put("watcher", watcher.running ? `running, process ${watcher.pid}` : "not running"),
		...(waits ? page.next("nothing goes on until it runs: baton watch") : []),
		...(trouble === undefined ? [] : put("", `nothing goes on until this is mended: ${trouble}`)),
		...(permit === undefined
			? []
			: [
					...put("permit", permitText(permit, now)),
					...page.next(`to close it: baton take-back ${permit.host}`),
				]),
		...hosts.flatMap((host) => hostText(host, now, page)),
		...(hosts.length === 0 ? put("hosts", "the settings name none yet") : []),
		...Object.values(stores).flatMap((why) => [
			...put("store", `${why}: left alone`),
			...page.next("look at the file, or make a new login there"),
		]),
	];
}

function permitText({ host, by, since }: PermitFacts, now: number): string {
	const why = by === "host" ? ", which needs one" : "";
	return `the next /login on this PC goes to ${host}${why} (open for ${formatDuration(now - since)})`;
}

/** Something goes on by itself, if only somebody sees to it. */
function isUnderWay({ handovers, login }: HostFacts): boolean {
	const waiting = ["provisional", "kept", "sealed"];
	return login !== "not-in-settings" && handovers.some(({ step }) => !waiting.includes(step));
}

type Put = (name: string, text: string) => string[];

interface Page {
	readonly put: Put;
	/** A next step. */
	readonly next: (text: string) => string[];
	readonly isWatched: boolean;
}

/** What stands after the colon is to be copied: it is never broken, however long. */
function nextText(text: string, put: Put, indent: number): string[] {
	const lines = put("", text);
	const colon = text.lastIndexOf(": ");
	if (lines.length === 1 || colon === -1) return lines;
	return [...put("", text.slice(0, colon + 1)), "".padEnd(indent) + text.slice(colon + 2)];
}

function hostText(facts: HostFacts, now: number, page: Page): string[] {
	const { host, contactAt, trouble, remedy, handovers, login, next, left } = facts;
	const { put, isWatched } = page;
	const contact =
		contactAt === undefined
			? `never heard from yet${trouble === undefined && isWatched ? "; it is being asked" : ""}`
			: `last heard from ${formatDuration(now - contactAt)} ago`;
	return [
		...put(host, holderText(facts)),
		...storyText(facts, now).flatMap((text) => put("", text)),
		...timesText(facts, now).flatMap((text) => put("", text)),
		...put("", trouble === undefined ? contact : `${contact}; now: ${trouble}`),
		...(remedy === undefined ? [] : page.next(remedy)),
		...(login === "not-in-settings"
			? put("", "no longer in the settings, so it is not asked")
			: []),
		...(next === undefined ? [] : page.next(next)),
		...handovers.flatMap((handover) => loginText(handover, now, page)),
		...(left === undefined ? [] : loginText(left, now, page)),
	];
}

/** What a host that has its login says of it, where that is not simply well. */
const DOUBTS: Readonly<Record<string, string>> = {
	"in-doubt": "; a refresh got no answer, and it waits to see what became of it",
	suspect: "; its access token was refused before its time, and it looks into it",
	"rolled-back": "; it was set back to an older state and does not refresh",
};

function holderText({ holder, generation = 0, need, state = "held", ...facts }: HostFacts): string {
	const holds = `generation ${generation}${DOUBTS[state] ?? ""}`;
	switch (holder) {
		case "host":
			if (["none", "staged", "needs-login"].includes(state)) return "has just claimed its login";
			return state === "verifying"
				? "has claimed its login, and serves it once the provider has named its account"
				: `holds its login, ${holds}`;
		case "in-transit":
			return facts.hasEarlier
				? `holds its login, ${holds}; a new one is in transit: nobody may spend that now`
				: inTransitText(facts.fromElsewhere === true);
		case "nobody":
			if (need === undefined && state === "needs-login") return "needs a login";
			return `needs a login: ${lossWords(need ?? "none-yet")}`;
		case "unknown":
			return "not known yet whether it holds a login";
	}
}

/** Why a login is lost, as far as it can be told. */
function storyText({ need, evidence }: HostFacts, now: number): string[] {
	return need === undefined || evidence === undefined ? [] : lossStory(need, evidence, now);
}

function inTransitText(fromElsewhere: boolean): string {
	return fromElsewhere
		? "has a login in transit from elsewhere: nobody may spend it until it is claimed"
		: "its login is in transit: nobody may spend it now";
}

function timesText(facts: HostFacts, now: number): string[] {
	const { accessUntil, deadline, holder, hasEarlier, provider } = facts;
	const isTold = facts.state !== "none" && facts.state !== "needs-login";
	if ((holder !== "host" || !isTold) && !hasEarlier) return [];
	const access = accessUntil === undefined ? [] : [accessText(accessUntil - now)];
	const end = deadline === undefined ? [] : [lastsText(deadline - now)];
	const text = [...access, ...end].join(", ");
	const trouble = provider === undefined ? [] : [`${providerWords(provider)}; it is tried again`];
	return [...(text === "" ? [] : [text]), ...trouble];
}

function lastsText(left: number): string {
	return left > 0 ? `login ends in ${formatDuration(left)}` : "login past its end";
}

/** The host has told when; it may have refreshed since. */
function accessText(left: number): string {
	return left > 0
		? `access token lasts ${formatDuration(left)}`
		: `access token ended ${formatDuration(-left)} ago, by its last word`;
}

function loginText(facts: LeftFacts, now: number, { put, next: step }: Page): string[] {
	const { fp, store, words, since, deadline, next } = facts;
	const from = store === "normal" ? " from claude's own place" : "";
	return [
		...put("", `login ${fp}${from}: ${words}`),
		...put("", `so for ${formatDuration(now - since)}${endText(deadline, now)}`),
		...(next === undefined ? [] : step(next)),
	];
}

function endText(deadline: number | undefined, now: number): string {
	if (deadline === undefined) return "";
	return deadline > now ? `; it ends in ${formatDuration(deadline - now)}` : "; it is past its end";
}

/** The name stands in the first column of the first line only. */
function wrap(name: string, text: string, indent: number): string[] {
	const lines: string[] = [];
	let line = name.padEnd(indent);
	if (name.length >= indent) {
		lines.push(name);
		line = "".padEnd(indent);
	}
	let isEmpty = true;
	for (const word of text.split(" ")) {
		if (!isEmpty && line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			[line, isEmpty] = ["".padEnd(indent), true];
		}
		line += isEmpty ? word : ` ${word}`;
		isEmpty = false;
	}
	return [...lines, line];
}
