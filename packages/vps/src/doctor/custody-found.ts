/** What the running service says of its logins and sinks. */

import { formatDuration, MINUTE } from "@baton/core/duration";
import type { NameStatus } from "../control-message.ts";
import { explain } from "../explain-state.ts";
import { lagOf } from "../sink-lag.ts";
import { howToResume, isPaused, type SinkReport } from "../sink-report.ts";
import { SINK_WORDS } from "../status.ts";
import type { Finding } from "./finding.ts";

/** A write takes milliseconds. */
const LAG_ODD = MINUTE;

export function judgeLogin(status: NameStatus, now: number): Finding {
	const { name, need, serves, failures, trouble } = status;
	const about = "login";
	const { state, next } = explain(status, now);
	const says = `${name}: ${state}`;
	const isWrong = need !== undefined || trouble !== undefined || serves === undefined;
	const isQuiet = status.state === "held" || status.state === "refreshing";
	const gravity = isWrong ? "wrong" : isQuiet && failures === 0 ? "well" : "doubtful";
	return { about, gravity, says, ...(gravity === "well" ? {} : { hint: next ?? "batond status" }) };
}

export function judgeSinks(status: NameStatus, now: number): Finding[] {
	return status.sinks.map((sink) => judgeSink(status, sink, now));
}

function judgeSink(status: NameStatus, sink: SinkReport, now: number): Finding {
	const about = "sinks";
	const { name, state, trouble, hint } = sink;
	const lag = lagOf(status, sink, now);
	const why = trouble === undefined ? "" : ` (${trouble})`;
	const late = lag > LAG_ODD ? `, and lags by ${formatDuration(lag)}` : "";
	const says = `${status.name}/${name}: ${SINK_WORDS[state]}${why}${late}`;
	if (isPaused(state)) return { about, gravity: "doubtful", says, hint: howToResume(name, state) };
	if (state === "failing" || late !== "") {
		return { about, gravity: "wrong", says, hint: hint ?? "batond sinks" };
	}
	return { about, gravity: "well", says };
}
