/**
 * Sinks hold nothing of ours any more: a person has ended the login. Each is cleared, and retried, on
 * its own; the next token ends all this.
 */

import { backoffDelay, LONGEST_SINK_WAIT, SINK_BACKOFF } from "./backoff.ts";
import { type PublishDecision, type PublishEvent, sinkNote } from "./publish-event.ts";
import {
	type Clearance,
	isDue,
	type PublishState,
	type SinkState,
	withSink,
} from "./publish-state.ts";
import { pause } from "./settle-look.ts";

export function askClear(state: PublishState): PublishDecision {
	const names = Object.keys(state.sinks);
	const wanted = { clearing: "wanted", holds: undefined, failures: 0, retryAt: 0 } as const;
	const sinks = names.reduce((before, name) => withSink(before, name, wanted), state);
	return { state: { ...sinks, token: undefined, confirmed: undefined }, effects: [] };
}

export function startClears(state: PublishState, now: number): PublishDecision {
	const due = Object.entries(state.sinks)
		.filter(([, sink]) => waits(sink) && isDue(sink.retryAt, now, LONGEST_SINK_WAIT))
		.map(([name]) => name);
	return {
		state: due.reduce((before, name) => withSink(before, name, { clearing: "begun" }), state),
		effects: due.map((sink) => ({ type: "clear-sink", sink })),
	};
}

/** What is being written is written first, so that it is not left behind. */
function waits({ clearing, writing, looking }: SinkState): boolean {
	return clearing === "wanted" && writing === undefined && !looking;
}

type ClearEvent = Extract<PublishEvent, { type: "cleared" | "clear-failed" }>;

export function settleClear(state: PublishState, event: ClearEvent, now: number): PublishDecision {
	const { sink: name } = event;
	const sink = state.sinks[name];
	if (sink?.clearing !== "begun") return { state, effects: [] };
	if (state.token !== undefined) {
		// Overtaken by a token, which is written now.
		return { state: withSink(state, name, { clearing: undefined }), effects: [] };
	}
	if (event.type === "clear-failed") {
		const failures = sink.failures + 1;
		const retryAt = now + backoffDelay(SINK_BACKOFF, failures, event.random);
		const fields = { clearing: "wanted", failures, retryAt, trouble: event.why } as const;
		const notes = failures > 1 ? [] : [sinkNote("warn", name, "sink-not-cleared", event.why)];
		return { state: withSink(state, name, fields), effects: notes };
	}
	const lookAt = now + state.lookEvery;
	const cleared = {
		clearing: event.how,
		holds: undefined,
		generation: undefined,
		failures: 0,
		retryAt: 0,
		trouble: undefined,
		lookAt,
	};
	const { fields, effects } =
		event.how === "foreign" || event.how === "logged-out"
			? pause(name, event.how)
			: { fields: {}, effects: [sinkNote("info", name, NOTES[event.how])] };
	const quiet = sink.paused === event.how;
	return { state: withSink(state, name, { ...fields, ...cleared }), effects: quiet ? [] : effects };
}

const NOTES = {
	cleared: "sink-cleared",
	nothing: "sink-held-nothing",
	impossible: "sink-cannot-be-cleared",
} satisfies Partial<Record<Clearance, string>>;

/** The instant of the next attempt, wall-clock ms; infinity if none is wanted. */
export function nextClear(state: PublishState): number {
	const waiting = Object.values(state.sinks).filter(waits);
	return Math.min(...waiting.map(({ retryAt }) => retryAt), Number.POSITIVE_INFINITY);
}
