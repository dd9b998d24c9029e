/** `batond sinks`: each sink, what it is, what it holds, how far it lags, and the next step. */

import { formatDuration } from "@baton/core/duration";
import { EXIT } from "@baton/core/error";
import type { NameStatus } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";
import type { Settings, SinkSettings } from "./settings.ts";
import { lagOf } from "./sink-lag.ts";
import { howToResume, isPaused, type SinkReport } from "./sink-report.ts";
import { placeOf } from "./sinks/sink-place.ts";
import { SINK_WORDS } from "./status.ts";
import { lookAtNames, type WatchOptions } from "./watch-names.ts";

export interface SinksOptions extends WatchOptions {
	/** As the file says now; the service may still run with what it said before. */
	readonly settings: Settings;
	readonly json: boolean;
}

interface SinkFacts {
	readonly name: string;
	readonly sink: string;
	/** Undefined for one that the settings do not name any more. */
	readonly type: SinkSettings["type"] | undefined;
	/** A file, a folder or a program. */
	readonly place: string | undefined;
	readonly state: SinkReport["state"];
	/** Of the token it was last given in this run of the service. */
	readonly generation: number | undefined;
	/** When that one ends, wall-clock ms. */
	readonly until: number | undefined;
	/** How long there has been a newer one, ms. */
	readonly lagMs: number;
	readonly trouble: string | undefined;
	readonly next: string | undefined;
}

/** Changes nothing. @throws BatonError `service-unavailable`; `usage` for an unknown name */
export async function sinks(options: SinksOptions): Promise<Said> {
	const { names, now } = await lookAtNames(options);
	const all = names.flatMap((status) => sinkFacts(status, options.settings, now));
	const stdout = options.json
		? jsonLine({ ok: true, sinks: all })
		: all.length === 0
			? "no sinks; batond token serves whoever asks\n"
			: `${all.flatMap((facts) => describeSink(facts, now)).join("\n")}\n`;
	return { stdout, stderr: "", code: EXIT.well };
}

function sinkFacts(status: NameStatus, settings: Settings, now: number): SinkFacts[] {
	return status.sinks.map((report): SinkFacts => {
		const about = settings.names[status.name]?.sinks[report.name];
		const { state, generation, trouble } = report;
		const isNewest = state === "current";
		return {
			name: status.name,
			sink: report.name,
			type: about?.type,
			place: about === undefined ? undefined : placeOf(about),
			state,
			generation,
			until: isNewest ? status.accessUntil : undefined,
			lagMs: lagOf(status, report, now),
			trouble,
			next: isPaused(state) ? howToResume(report.name, state) : report.hint,
		};
	});
}

function describeSink(facts: SinkFacts, now: number): string[] {
	const { name, sink, type = "not in the settings any more", place, state, next } = facts;
	const trouble = facts.trouble === undefined ? "" : ` (${facts.trouble})`;
	return [
		`${name}/${sink}: ${type}${place === undefined ? "" : `, ${place}`}`,
		`  ${SINK_WORDS[state]}${trouble}`,
		...holdsWords(facts, now),
		...(next === undefined ? [] : [`  next: ${next}`]),
	];
}

function holdsWords({ generation, until, lagMs }: SinkFacts, now: number): string[] {
	const ends = until === undefined ? "" : `, which ends in ${formatDuration(until - now)}`;
	return [
		...(generation === undefined
			? []
			: [`  was given the token of generation ${generation}${ends}`]),
		...(lagMs === 0 ? [] : [`  lags by ${formatDuration(lagMs)}`]),
	];
}
