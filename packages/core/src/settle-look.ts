/**
 * Looks at sinks between two tokens: a login or logout made there by hand is said soon, ends by itself
 * once the person has settled it, and what somebody else put there gives way to the current token.
 */

import type { Fingerprint } from "./lineage.ts";
import {
	type PublishDecision,
	type PublishEffect,
	type PublishEvent,
	sinkNote,
} from "./publish-event.ts";
import {
	isDue,
	isLookedAt,
	lags,
	type PauseReason,
	type PublishState,
	type SinkLook,
	type SinkState,
	withSink,
} from "./publish-state.ts";

/** Asks for the looks whose time has come. */
export function startLooks(state: PublishState, now: number): PublishDecision {
	const due = Object.entries(state.sinks)
		.filter(([, sink]) => isLookedAt(sink, state.token))
		.filter(([, { lookAt }]) => isDue(lookAt, now, state.lookEvery))
		.map(([name]) => name);
	return {
		state: due.reduce((before, name) => withSink(before, name, { looking: true }), state),
		effects: due.map((sink) => ({ type: "look-at-sink", sink, token: state.token })),
	};
}

export function settleLook(
	state: PublishState,
	{ sink: name, access, seen }: Extract<PublishEvent, { type: "looked" }>,
	now: number,
): PublishDecision {
	const sink = state.sinks[name];
	if (sink === undefined) return { state, effects: [] };
	const looked = withSink(state, name, { looking: false, lookAt: now + state.lookEvery });
	if (isOvertaken(sink, state, access, seen)) return { state: looked, effects: [] };
	const { fields, effects } = judge(name, sink, seen, state);
	return { state: withSink(looked, name, fields), effects };
}

/** By a write, by another token, or by one still to be written: each finds out for itself. */
function isOvertaken(
	sink: SinkState,
	{ token }: PublishState,
	access: Fingerprint | undefined,
	seen: SinkLook,
): boolean {
	if (sink.writing !== undefined || token?.accessFp !== access) return true;
	return token !== undefined && lags(sink, token) && !isPause(seen);
}

function isPause(seen: SinkLook): seen is PauseReason {
	return seen !== "fine" && seen !== "changed" && seen !== "unreadable";
}

interface Verdict {
	readonly fields: Partial<SinkState>;
	readonly effects: readonly PublishEffect[];
}

const NOTHING: Verdict = { fields: {}, effects: [] };

function judge(name: string, sink: SinkState, seen: SinkLook, { token }: PublishState): Verdict {
	switch (seen) {
		case "fine":
			if (sink.paused === undefined) return { fields: { contested: false }, effects: [] };
			return resume(name, { holds: token?.accessFp, generation: token?.generation });
		case "changed":
			if (sink.paused !== undefined) return resume(name, { holds: undefined });
			return token === undefined ? NOTHING : writeAgain(name, sink);
		case "unreadable":
			// It settles nothing a person has begun; anything else is found out, and said, by writing.
			if (sink.paused !== undefined || token === undefined) return NOTHING;
			return { fields: { holds: undefined, retryAt: 0 }, effects: [] };
		default:
			return seen === sink.paused ? NOTHING : pause(name, seen);
	}
}

function resume(name: string, fields: Partial<SinkState>): Verdict {
	return {
		fields: { paused: undefined, failures: 0, retryAt: 0, contested: false, ...fields },
		effects: [sinkNote("info", name, "sink-resumed")],
	};
}

function writeAgain(name: string, { contested }: SinkState): Verdict {
	return {
		fields: { holds: undefined, retryAt: 0, contested: true },
		effects: contested ? [] : [sinkNote("info", name, "sink-changed")],
	};
}

/** What stands between a sink and its tokens until a person acts. */
export function pause(name: string, reason: PauseReason): Verdict {
	return {
		fields: {
			writing: undefined,
			paused: reason,
			holds: undefined,
			failures: 0,
			trouble: undefined,
			unwritable: undefined,
		},
		effects: [sinkNote("warn", name, "sink-paused", reason)],
	};
}

/** The instant of the next look, wall-clock ms; infinity if none is wanted. */
export function nextLook(state: PublishState): number {
	const waits = Object.values(state.sinks)
		.filter((sink) => isLookedAt(sink, state.token))
		.map(({ lookAt }) => lookAt);
	return Math.min(...waits, Number.POSITIVE_INFINITY);
}
