/**
 * Which sinks lag which token. Each sink is on its own: one that is slow or broken holds up no other.
 */

import { backoffDelay, SINK_BACKOFF } from "./backoff.ts";
import type { ServedToken } from "./custody-state.ts";
import type { Decision, Note } from "./effect.ts";
import type { Fingerprint } from "./lineage.ts";

/** Why a sink takes no more tokens until a person acts. */
export type PauseReason = "foreign" | "logged-out";

export interface SinkState {
	/** The access token this sink was last seen to hold. */
	readonly holds: Fingerprint | undefined;
	readonly generation: number | undefined;
	readonly writing: Fingerprint | undefined;
	readonly failures: number;
	/** No attempt before this instant, wall-clock ms. */
	readonly retryAt: number;
	readonly trouble: string | undefined;
	/** Why it could not be written when that was last tried without a token, as before a refresh. */
	readonly unwritable: string | undefined;
	readonly paused: PauseReason | undefined;
}

export interface PublishState {
	readonly sinks: Readonly<Record<string, SinkState>>;
	/** What every sink should hold. */
	readonly token: ServedToken | undefined;
	/** The last token that every sink confirmed. */
	readonly confirmed: Fingerprint | undefined;
}

export type PublishEvent =
	/** Durable by now: whoever sends this has persisted first. */
	| { readonly type: "token"; readonly token: ServedToken }
	| { readonly type: "written"; readonly sink: string; readonly access: Fingerprint }
	| {
			readonly type: "failed";
			readonly sink: string;
			readonly access: Fingerprint;
			readonly why: string;
			readonly random: number;
	  }
	| {
			readonly type: "stepped-back";
			readonly sink: string;
			readonly access: Fingerprint;
			readonly reason: PauseReason;
	  }
	/** It was looked at whether it can be written; `why` if it cannot. */
	| { readonly type: "proved"; readonly sink: string; readonly why: string | undefined }
	/** A person settled what paused this sink. */
	| { readonly type: "resumed"; readonly sink: string }
	| { readonly type: "tick" };

export type PublishEffect =
	/** Started; the outcome comes back as `written`, `failed` or `stepped-back`. */
	| { readonly type: "write-sink"; readonly sink: string; readonly token: ServedToken }
	/** Tell custody that nothing older is in use any more. */
	| { readonly type: "confirm"; readonly access: Fingerprint }
	| (Note & { readonly sink: string });

export type PublishDecision = Decision<PublishState, PublishEffect>;

const NEW_SINK: SinkState = {
	holds: undefined,
	generation: undefined,
	writing: undefined,
	failures: 0,
	retryAt: 0,
	trouble: undefined,
	unwritable: undefined,
	paused: undefined,
};

export function startPublish(sinks: readonly string[]): PublishState {
	return {
		sinks: Object.fromEntries(sinks.map((sink) => [sink, NEW_SINK])),
		token: undefined,
		confirmed: undefined,
	};
}

export function decidePublish(
	state: PublishState,
	event: PublishEvent,
	now: number,
): PublishDecision {
	const settled = settle(state, event, now);
	const started = startWrites(settled.state, now);
	const confirmed = confirm(started.state);
	return {
		state: confirmed.state,
		effects: [...settled.effects, ...started.effects, ...confirmed.effects],
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
		case "resumed":
			return update(state, event.sink, { paused: undefined, retryAt: now, failures: 0 });
		default:
			return settleWrite(state, event, now);
	}
}

/** A new token is worth a new attempt at once, whatever became of the last one. */
function hurry(sinks: PublishState["sinks"]): PublishState["sinks"] {
	return Object.fromEntries(
		Object.entries(sinks).map(([name, sink]) => [name, { ...sink, retryAt: 0 }]),
	);
}

/** Told once, however often a refresh waits for it. */
function settleProof(
	state: PublishState,
	{ sink: name, why }: Extract<PublishEvent, { type: "proved" }>,
): PublishDecision {
	const known = state.sinks[name]?.trouble ?? state.sinks[name]?.unwritable;
	const notes = why === undefined || known !== undefined ? [] : [noteOf(name, "sink-failed", why)];
	return update(state, name, { unwritable: why }, notes);
}

type WriteEvent = Extract<PublishEvent, { access: Fingerprint }>;

function settleWrite(state: PublishState, event: WriteEvent, now: number): PublishDecision {
	const sink = state.sinks[event.sink];
	if (sink === undefined || sink.writing !== event.access) return { state, effects: [] };
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
			});
		case "failed": {
			const failures = sink.failures + 1;
			const retryAt = now + backoffDelay(SINK_BACKOFF, failures, event.random);
			const note = failures === 1 ? [noteOf(event.sink, "sink-failed", event.why)] : [];
			return update(
				state,
				event.sink,
				{ writing: undefined, failures, retryAt, trouble: event.why },
				note,
			);
		}
		case "stepped-back":
			return update(state, event.sink, { writing: undefined, paused: event.reason }, [
				noteOf(event.sink, "sink-paused", event.reason),
			]);
	}
}

function startWrites(state: PublishState, now: number): PublishDecision {
	const { token } = state;
	if (token === undefined) return { state, effects: [] };
	const lagging = Object.keys(state.sinks).filter((name) => {
		const sink = state.sinks[name];
		return (
			sink !== undefined && lags(sink, token) && sink.writing === undefined && sink.retryAt <= now
		);
	});
	const sinks = { ...state.sinks };
	for (const name of lagging)
		sinks[name] = { ...(sinks[name] ?? NEW_SINK), writing: token.accessFp };
	return {
		state: { ...state, sinks },
		effects: lagging.map((sink) => ({ type: "write-sink", sink, token })),
	};
}

function lags(sink: SinkState, token: ServedToken): boolean {
	return sink.paused === undefined && sink.holds !== token.accessFp;
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
	fields: Partial<SinkState>,
	effects: readonly PublishEffect[] = [],
): PublishDecision {
	const sink = state.sinks[name];
	if (sink === undefined) return { state, effects: [] };
	return {
		state: { ...state, sinks: { ...state.sinks, [name]: { ...sink, ...fields } } },
		effects,
	};
}

function noteOf(sink: string, what: string, reason: string): Note & { sink: string } {
	return { type: "note", level: "warn", what, sink, reason };
}

/** The instant of the next attempt at a lagging sink, wall-clock ms; infinity if there is none. */
export function nextPublish(state: PublishState): number {
	const { token } = state;
	if (token === undefined) return Number.POSITIVE_INFINITY;
	const waits = Object.values(state.sinks)
		.filter((sink) => lags(sink, token) && sink.writing === undefined)
		.map((sink) => sink.retryAt);
	return Math.min(...waits, Number.POSITIVE_INFINITY);
}
