/**
 * Which warnings leave the custodian's machine, and when: `(state, event, now) → { state, effects }`.
 *
 * What a person must hear of is looked at anew each time, as it stands, and held against what was told.
 * So a restart loses no warning and repeats none, and one that nobody could be told of waits its turn.
 */

import { type BackoffTable, backoffDelay } from "./backoff.ts";
import { HOUR, MINUTE, SECOND } from "./duration.ts";
import type { Decision } from "./effect.ts";

/** Something a person must hear of, as long as it stands. Never with a secret. */
export interface Matter {
	/** What it is about. One key, one matter at a time; it is over when its key is gone. */
	readonly key: string;
	/** Changes when there is something new to tell of it. */
	readonly news: string;
	/** The custody name. */
	readonly name: string;
	/** Its kind, for programs. */
	readonly what: string;
	readonly text: string;
	/** The next step a person can take. */
	readonly next: string | undefined;
	/** What is said once it is over. */
	readonly over: string;
	/** Told once it has stood this long, ms: what goes by itself by then nobody needs to hear of. */
	readonly patience: number;
}

export interface Message {
	/** The same for a message that is sent twice, as after a crash. */
	readonly id: string;
	readonly kind: "warning" | "over";
	readonly name: string;
	readonly what: string;
	readonly text: string;
	readonly next?: string | undefined;
	/** When it came to be, wall-clock ms. */
	readonly at: number;
}

/** Durable. What was told, by key. */
export interface Told {
	readonly news: string;
	readonly name: string;
	readonly what: string;
	readonly over: string;
}

/** Durable. What one outlet has yet to send, the oldest first. */
export interface Outbox {
	readonly messages: readonly Message[];
	/** Given up for want of room since the last one that was sent. */
	readonly missed: number;
}

export interface WarningMemory {
	readonly told: Readonly<Record<string, Told>>;
	readonly outboxes: Readonly<Record<string, Outbox>>;
}

export const NO_WARNINGS: WarningMemory = { told: {}, outboxes: {} };

/** Gone with the process: how an outlet fares. */
export interface OutletRun {
	readonly sending: boolean;
	/** In a row. */
	readonly failures: number;
	readonly nextAt: number;
	readonly trouble: string | undefined;
}

/** Since when a matter stands, or since when it is gone; wall-clock ms. */
export interface Sighting {
	readonly stands: boolean;
	readonly since: number;
}

export interface WarningState {
	readonly memory: WarningMemory;
	/** By key, of what stands and of what was told. */
	readonly seen: Readonly<Record<string, Sighting>>;
	readonly outlets: Readonly<Record<string, OutletRun>>;
}

export type WarningEvent =
	| { readonly type: "looked"; readonly matters: readonly Matter[] }
	| { readonly type: "sent"; readonly outlet: string; readonly id: string }
	/** @param random from 0 to 1 */
	| {
			readonly type: "failed";
			readonly outlet: string;
			readonly why: string;
			readonly random: number;
	  };

export type WarningEffect =
	/** Durable before what follows, where the disk allows: a warning goes out also where it does not. */
	| { readonly type: "save"; readonly memory: WarningMemory }
	/** Started. Comes back as `sent` or `failed`. */
	| {
			readonly type: "send";
			readonly outlet: string;
			readonly message: Message;
			readonly missed: number;
	  };

export type WarningDecision = Decision<WarningState, WarningEffect>;

/** For each outlet; the oldest give way, as the newest say how things stand. */
export const OUTBOX_MAX = 32;

/** A matter that was told is over once it has been gone this long: some come and go, or start anew. */
export const CALM = 5 * MINUTE;

const WARNING_BACKOFF: BackoffTable = [
	10 * SECOND, // a dropped connection
	MINUTE,
	5 * MINUTE,
	15 * MINUTE,
	HOUR, // an outlet that is out of order for days
];

const IDLE: OutletRun = { sending: false, failures: 0, nextAt: 0, trouble: undefined };

/** @param names the outlets of today's settings: what others had yet to send is given up */
export function startWarnings(memory: WarningMemory, names: readonly string[]): WarningState {
	const outboxes = names.map((name) => [name, memory.outboxes[name] ?? EMPTY] as const);
	return {
		memory: { told: memory.told, outboxes: Object.fromEntries(outboxes) },
		seen: {},
		outlets: Object.fromEntries(names.map((name) => [name, IDLE])),
	};
}

const EMPTY: Outbox = { messages: [], missed: 0 };

export function decideWarnings(
	state: WarningState,
	event: WarningEvent,
	now: number,
): WarningDecision {
	const settled = settle(state, event, now);
	const { state: after, sends } = startSending(settled, now);
	const isChanged = after.memory !== state.memory;
	const save: WarningEffect[] = isChanged ? [{ type: "save", memory: after.memory }] : [];
	return { state: after, effects: [...save, ...sends] };
}

function settle(state: WarningState, event: WarningEvent, now: number): WarningState {
	switch (event.type) {
		case "looked":
			return look(state, event.matters, now);
		case "sent":
			return settleSent(state, event.outlet, event.id);
		case "failed":
			return settleFailed(state, event, now);
	}
}

function look(state: WarningState, matters: readonly Matter[], now: number): WarningState {
	const { told, outboxes } = state.memory;
	const standing = new Map(matters.map((matter) => [matter.key, matter]));
	const seen = sightingsAfter(state, standing, now);
	const hasLasted = (key: string, ms: number) => now - (seen[key]?.since ?? now) >= ms;
	const due = matters.filter(
		({ key, news, patience }) => told[key]?.news !== news && hasLasted(key, patience),
	);
	const over = Object.keys(told).filter((key) => !standing.has(key) && hasLasted(key, CALM));
	if (due.length === 0 && over.length === 0) return { ...state, seen };
	const messages = [
		...over.map((key) => overMessage(key, told[key] as Told, now)),
		...due.map((matter) => warningOf(matter, now)),
	];
	const remaining = Object.entries(told).filter(([key]) => !over.includes(key));
	const memory = {
		told: { ...Object.fromEntries(remaining), ...tellAll(due) },
		outboxes: Object.fromEntries(
			Object.entries(outboxes).map(([outlet, box]) => [outlet, put(box, messages)]),
		),
	};
	return { ...state, memory, seen };
}

/** A clock that stepped back makes nothing older. */
function sightingsAfter(
	{ seen, memory }: WarningState,
	standing: ReadonlyMap<string, Matter>,
	now: number,
): Readonly<Record<string, Sighting>> {
	const keys = [...new Set([...standing.keys(), ...Object.keys(memory.told)])];
	const after = keys.map((key) => {
		const stands = standing.has(key);
		const before = seen[key];
		const since = before?.stands === stands ? Math.min(before.since, now) : now;
		return [key, { stands, since }] as const;
	});
	return Object.fromEntries(after);
}

function tellAll(matters: readonly Matter[]): Readonly<Record<string, Told>> {
	const told = matters.map(
		({ key, news, name, what, over }) => [key, { news, name, what, over }] as const,
	);
	return Object.fromEntries(told);
}

function warningOf({ key, news, name, what, text, next }: Matter, at: number): Message {
	const id = `${key}/${news}`;
	return { id, kind: "warning", name, what, text, ...(next === undefined ? {} : { next }), at };
}

function overMessage(key: string, { news, name, what, over }: Told, at: number): Message {
	return { id: `${key}/${news}/over`, kind: "over", name, what, text: over, at };
}

function put({ messages, missed }: Outbox, more: readonly Message[]): Outbox {
	const all = [...messages, ...more];
	const tooMany = Math.max(0, all.length - OUTBOX_MAX);
	return { messages: all.slice(tooMany), missed: missed + tooMany };
}

function settleSent(state: WarningState, outlet: string, id: string): WarningState {
	const { messages = [] } = state.memory.outboxes[outlet] ?? {};
	const left = messages.filter((message) => message.id !== id);
	const outboxes = { ...state.memory.outboxes, [outlet]: { messages: left, missed: 0 } };
	return {
		...state,
		memory: { ...state.memory, outboxes },
		outlets: { ...state.outlets, [outlet]: IDLE },
	};
}

function settleFailed(
	state: WarningState,
	{ outlet, why, random }: Extract<WarningEvent, { type: "failed" }>,
	now: number,
): WarningState {
	const failures = (state.outlets[outlet]?.failures ?? 0) + 1;
	const nextAt = now + backoffDelay(WARNING_BACKOFF, failures, random);
	const run: OutletRun = { sending: false, failures, nextAt, trouble: why };
	return { ...state, outlets: { ...state.outlets, [outlet]: run } };
}

/** One message of an outlet at a time, in their order. */
function startSending(state: WarningState, now: number) {
	const sends: WarningEffect[] = [];
	const outlets = { ...state.outlets };
	for (const [outlet, { messages, missed }] of Object.entries(state.memory.outboxes)) {
		const [message] = messages;
		const run = outlets[outlet] ?? IDLE;
		if (message === undefined || run.sending || now < waitedFor(run, now)) continue;
		outlets[outlet] = { ...run, sending: true };
		sends.push({ type: "send", outlet, message, missed });
	}
	return { state: sends.length === 0 ? state : { ...state, outlets }, sends };
}

/** A clock that stepped back does not put an attempt off. */
function waitedFor({ nextAt }: OutletRun, now: number): number {
	return nextAt - now > LONGEST_WAIT ? now : nextAt;
}

const LONGEST_WAIT = 2 * HOUR;

/** When the next attempt to send is due, wall-clock ms; infinity if there is nothing to send. */
export function nextSendAt({ memory, outlets }: WarningState): number {
	const waiting = Object.entries(memory.outboxes).filter(([, { messages }]) => messages.length > 0);
	const runs = waiting.map(([outlet]) => outlets[outlet] ?? IDLE).filter(({ sending }) => !sending);
	return Math.min(...runs.map(({ nextAt }) => nextAt));
}
