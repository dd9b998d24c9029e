/** Tells what the two services log, as it comes. */
import type { Child } from "../../test/parts/child-process.ts";
import type { Timeline } from "./timeline.ts";

interface LogLine {
	readonly level: string;
	readonly msg: string;
	readonly kind?: string;
	readonly generation?: number;
	readonly reason?: string;
}

export function narrateService(service: Child, timeline: Timeline): void {
	service.onLine((text) => {
		const told = toldByService(logLine(text));
		if (told !== undefined) timeline.say("vps", told);
	});
}

function toldByService({ level, msg, generation, reason = "" }: LogLine): string | undefined {
	switch (msg) {
		case "staged":
			return "it is here, but not claimed yet";
		case "claimed":
			return `claimed by a refresh: generation ${generation}, nobody else's now`;
		case "rotated":
			return `refreshed before its end: generation ${generation}`;
		default:
			return level === "info" ? undefined : `${level}: ${msg} ${reason}`;
	}
}

/** @param kinds the notes of `baton watch` that are of interest */
export function narrateWatch(watch: Child, kinds: readonly string[], timeline: Timeline): void {
	watch.onLine((text) => {
		const { kind = "", msg } = logLine(text);
		if (kinds.includes(kind)) timeline.say("pc", msg);
	});
}

/** A line that is not of the log has no message. */
export function logLine(text: string): LogLine {
	if (!text.startsWith("{")) return { level: "info", msg: "" };
	return JSON.parse(text) as LogLine;
}
