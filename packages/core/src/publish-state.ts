/** What is known of each sink in this run of the service, and what of that can be asked. */

import type { ServedToken } from "./custody-state.ts";
import type { Fingerprint } from "./lineage.ts";

/**
 * Why a sink takes no more tokens until a person acts: somebody's own login lies there; somebody
 * logged out there; something lies there that was never written by us.
 */
export type PauseReason = "foreign" | "logged-out" | "not-ours";

/** What clearing a sink came to: `impossible` where what was given cannot be taken back. */
export type Clearance = "cleared" | "nothing" | "impossible" | "foreign" | "logged-out";

/** What a look at a sink shows, against the token it should hold. */
export type SinkLook =
	| "fine"
	/** It holds something else, or nothing, that may be written over. */
	| "changed"
	/** Nothing can be said of it. */
	| "unreadable"
	| PauseReason;

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
	/** It can be looked at. */
	readonly looks: boolean;
	readonly looking: boolean;
	/** No look before this instant, wall-clock ms. */
	readonly lookAt: number;
	/** Somebody else's change was seen and said; it is not said again until all is fine. */
	readonly contested: boolean;
	/** It is to hold nothing of ours, or does so by now. */
	readonly clearing: "wanted" | "begun" | Clearance | undefined;
}

export interface PublishState {
	readonly sinks: Readonly<Record<string, SinkState>>;
	/** What every sink should hold. */
	readonly token: ServedToken | undefined;
	/** The last token that every sink confirmed. */
	readonly confirmed: Fingerprint | undefined;
	/** Between two looks at a sink, ms. */
	readonly lookEvery: number;
}

const NEW_SINK: SinkState = {
	holds: undefined,
	generation: undefined,
	writing: undefined,
	failures: 0,
	retryAt: 0,
	trouble: undefined,
	unwritable: undefined,
	paused: undefined,
	looks: false,
	looking: false,
	lookAt: 0,
	contested: false,
	clearing: undefined,
};

export interface StartPublish {
	/** Every sink, by name. */
	readonly sinks: readonly string[];
	/** Those that can be looked at. */
	readonly looks: readonly string[];
	readonly lookEvery: number;
}

export function startPublish({ sinks, looks, lookEvery }: StartPublish): PublishState {
	const states = sinks.map((sink) => [sink, { ...NEW_SINK, looks: looks.includes(sink) }]);
	return {
		sinks: Object.fromEntries(states),
		token: undefined,
		confirmed: undefined,
		lookEvery,
	};
}

export interface ReplaceSinks extends StartPublish {
	/** Those that are what they were: what is known of them stays so. */
	readonly kept: readonly string[];
}

/** Other sinks from now on; one that is new, or not what it was, is written as soon as there is a token. */
export function replaceSinks(state: PublishState, { kept, ...wanted }: ReplaceSinks): PublishState {
	const fresh = startPublish(wanted);
	const before = Object.entries(state.sinks).filter(([name]) => kept.includes(name));
	return {
		...state,
		sinks: { ...fresh.sinks, ...Object.fromEntries(before) },
		// None of the new ones is known to hold it.
		confirmed: undefined,
		lookEvery: wanted.lookEvery,
	};
}

/** Whether this sink is still to be given the token. */
export function lags(sink: SinkState, token: ServedToken): boolean {
	return sink.paused === undefined && sink.holds !== token.accessFp;
}

/** A sink that lags is written, and so found out about, without a look. */
export function isLookedAt(sink: SinkState, token: ServedToken | undefined): boolean {
	if (!sink.looks || sink.looking || sink.writing !== undefined) return false;
	if (sink.clearing === "wanted" || sink.clearing === "begun") return false;
	return token === undefined || !lags(sink, token);
}

/**
 * Whether an instant has come. One further off than anything is ever put off was set before the clock
 * stepped back.
 */
export function isDue(at: number, now: number, longest: number): boolean {
	return at <= now || at - now > longest;
}

export function withSink(
	state: PublishState,
	name: string,
	fields: Partial<SinkState>,
): PublishState {
	const sink = state.sinks[name];
	if (sink === undefined) return state;
	return { ...state, sinks: { ...state.sinks, [name]: { ...sink, ...fields } } };
}
