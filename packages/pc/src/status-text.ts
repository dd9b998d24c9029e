/** The facts of `baton status` as short lines for people, within 80 columns. */

import { formatDuration } from "@baton/core/duration";
import type { HandoverFacts, HostFacts, StatusFacts } from "./status-facts.ts";
import { lossWords } from "./words.ts";

const WIDTH = 80;

/** @param now wall-clock ms */
export function statusText(facts: StatusFacts, now: number): string[] {
	const { watcher, permit, hosts, stores, trouble } = facts;
	const names = ["watcher", "permit", ...hosts.map(({ host }) => host)];
	const indent = Math.min(Math.max(...names.map((name) => name.length)) + 2, 24);
	const put = (name: string, text: string) => wrap(name, text, indent);
	return [
		...put("watcher", watcher.running ? `running, process ${watcher.pid}` : "not running"),
		...(trouble === undefined ? [] : put("", trouble)),
		...(permit === undefined
			? []
			: put("permit", `the next /login on this PC goes to ${permit.host}`)),
		...hosts.flatMap((host) => hostText(host, now, put)),
		...(hosts.length === 0 ? put("hosts", "the settings name none yet") : []),
		...Object.entries(stores).flatMap(([, why]) => put("store", why)),
	];
}

type Put = (name: string, text: string) => string[];

function hostText(facts: HostFacts, now: number, put: Put): string[] {
	const { host, contactAt, trouble, handovers, login } = facts;
	const contact =
		contactAt === undefined
			? "never heard from yet"
			: `last heard from ${formatDuration(now - contactAt)} ago`;
	return [
		...put(host, holderText(facts)),
		...timesText(facts, now).flatMap((text) => put("", text)),
		...put("", trouble === undefined ? contact : `${contact}; now: ${trouble}`),
		...(login === "not-in-settings" ? put("", "no longer in the settings") : []),
		...handovers.flatMap((handover) => handoverText(handover, now, put)),
	];
}

function holderText({ holder, generation, need, state }: HostFacts): string {
	switch (holder) {
		case "host": {
			const doubt = state === "held" || state === "refreshing" ? "" : `, ${state}`;
			return `holds its login, generation ${generation ?? 0}${doubt}`;
		}
		case "in-transit":
			return "its login is in transit: nobody may spend it now";
		case "nobody":
			return `needs a login: ${lossWords(need ?? "none-yet")}`;
		case "unknown":
			return "not known yet whether it holds a login";
	}
}

function timesText({ accessUntil, deadline, holder }: HostFacts, now: number): string[] {
	if (holder !== "host") return [];
	const access =
		accessUntil === undefined ? [] : [`access for ${formatDuration(accessUntil - now)}`];
	const end = deadline === undefined ? [] : [`login ends in ${formatDuration(deadline - now)}`];
	const text = [...access, ...end].join(", ");
	return text === "" ? [] : [text];
}

function handoverText({ fp, words, since, next }: HandoverFacts, now: number, put: Put): string[] {
	return [
		...put("", `login ${fp}: ${words} (${formatDuration(now - since)})`),
		...(next === undefined ? [] : put("", next)),
	];
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
