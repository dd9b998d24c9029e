/**
 * Which sinks lag which token. Each sink is on its own: one that is slow or broken holds up no other.
 */

import { backoffDelay, LONGEST_SINK_WAIT, SINK_BACKOFF } from "./backoff.ts";
import { askClear, nextClear, settleClear, startClears } from "./clear-sinks.ts";
import {
	type PublishDecision,
	type PublishEffect,
	type PublishEvent,
	sinkNote,
} from "./publish-event.ts";
import { isDue, lags, type PublishState, type SinkState, withSink } from "./publish-state.ts";
import { pause, settleLook, startLooks } from "./settle-look.ts";

export function decidePublish(
	state: PublishState,
	event: PublishEvent,
	now: number,
): PublishDecision {
	const settled = settle(state, event, now);
	const written = startWrites(settled.state, now);
	const cleared = startClears(written.state, now);
	const looked = startLooks(cleared.state, now);
	const confirmed = confirm(looked.state);
	return {
		state: confirmed.state,
		effects: [settled, written, cleared, looked, confirmed].flatMap(({ effects }) => effects),
	};
}

function settle(state: PublishState, event: PublishEvent, now: number): PublishDecision {
	switch (event.type) {
		case "tick":
			return { state, effects: [] };
		case "token":
			return { state: { ...state, token: event.token, sinks: hurry(state.sinks) }, effects: [] };
		case "proved":
			return settleProof(state, event);
		case "looked":
			return settleLook(state, event, now);
		case "clear":
			return askClear(state);
		case "cleared":
		case "clear-failed":
			return settleClear(state, event, now);
		default:
			return settleWrite(state, event, now);
	}
}

/** A new token is worth a new attempt, or look, at once, whatever became of the last one. */
function hurry(sinks: PublishState["sinks"]): PublishState["sinks"] {
	return Object.fromEntries(
		Object.entries(sinks).map(([name, sink]) => [
			name,
			{ ...sink, retryAt: 0, lookAt: 0, clearing: underWay(sink) },
		]),
	);
}

/** What is being cleared is written after, so that no token is cleared away. */
function underWay({ clearing }: SinkState): SinkState["clearing"] {
	return clearing === "begun" ? clearing : undefined;
}

/** Told once, however often a refresh waits for it. */
function settleProof(
	state: PublishState,
	{ sink: name, why }: Extract<PublishEvent, { type: "proved" }>,
): PublishDecision {
	const known = state.sinks[name]?.trouble ?? state.sinks[name]?.unwritable;
	const untold = why !== undefined && known === undefined;
	const notes = untold ? [sinkNote("warn", name, "sink-failed", why)] : [];
	return update(state, name, { unwritable: why }, notes);
}

type WriteEvent = Extract<PublishEvent, { type: "written" | "failed" | "stepped-back" }>;

function settleWrite(state: PublishState, event: WriteEvent, now: number): PublishDecision {
	const sink = state.sinks[event.sink];
	if (sink === undefined || sink.writing !== event.access) return { state, effects: [] };
	const lookAt = now + state.lookEvery;
	switch (event.type) {
		case "written":
			return update(state, event.sink, {
				writing: undefined,
				holds: event.access,
				generation:
					state.token?.accessFp === event.access ? state.token.generation : sink.generation,
				failures: 0,
				trouble: undefined,
				unwritable: undefined,
				lookAt,
			});
		case "failed": {
			const failures = sink.failures + 1;
			const retryAt = now + backoffDelay(SINK_BACKOFF, failures, event.random);
			const told = failures > 1 || sink.unwritable !== undefined;
			const note = told ? [] : [sinkNote("warn", event.sink, "sink-failed", event.why)];
			return update(
				state,
				event.sink,
				{ writing: undefined, failures, retryAt, trouble: event.why },
				note,
			);
		}
		case "stepped-back": {
			const { fields, effects } = pause(event.sink, event.reason);
			return update(state, event.sink, { ...fields, lookAt }, effects);
		}
	}
}

function startWrites(state: PublishState, now: number): PublishDecision {
	const { token } = state;
	if (token === undefined) return { state, effects: [] };
	const lagging = Object.entries(state.sinks)
		.filter(([, sink]) => lags(sink, token) && isFree(sink))
		.filter(([, { retryAt }]) => isDue(retryAt, now, LONGEST_SINK_WAIT))
		.map(([name]) => name);
	const writing = { writing: token.accessFp };
	return {
		state: lagging.reduce((before, name) => withSink(before, name, writing), state),
		effects: lagging.map((sink) => ({ type: "write-sink", sink, token })),
	};
}

function isFree({ writing, clearing }: SinkState): boolean {
	return writing === undefined && clearing !== "begun";
}

/** A paused sink is not waited for: it holds nothing of ours that a person has not taken over. */
function confirm(state: PublishState): PublishDecision {
	const { token } = state;
	if (token === undefined || state.confirmed === token.accessFp) return { state, effects: [] };
	if (Object.values(state.sinks).some((sink) => lags(sink, token))) return { state, effects: [] };
	return {
		state: { ...state, confirmed: token.accessFp },
		effects: [{ type: "confirm", access: token.accessFp }],
	};
}

function update(
	state: PublishState,
	name: string,
	fields: Parameters<typeof withSink>[2],
	effects: readonly PublishEffect[] = [],
): PublishDecision {
	return { state: withSink(state, name, fields), effects };
}

/** The instant of the next attempt at a sink, wall-clock ms; infinity if there is none. */
export function nextWrite(state: PublishState): number {
	const { token } = state;
	if (token === undefined) return nextClear(state);
	const waits = Object.values(state.sinks)
		.filter((sink) => lags(sink, token) && isFree(sink))
		.map((sink) => sink.retryAt);
	return Math.min(...waits, Number.POSITIVE_INFINITY);
}
