/**
 * Tells people, away from this machine, what they must see to. It only looks: custody never waits for
 * it, and it goes on where the disk refuses.
 */

import {
	decideWarnings,
	type Matter,
	type Message,
	nextSendAt,
	startWarnings,
	type WarningEffect,
	type WarningEvent,
	type WarningMemory,
	type WarningState,
} from "@baton/core/decide-warnings";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import type { Log } from "@baton/io/log";
import type { OutletStatus, OutletTest } from "../control-message.ts";
import { EventQueue } from "../event-queue.ts";
import type { OutgoingMessage, Outlet } from "./outlet.ts";
import type { WarningStore } from "./warning-memory.ts";

export interface WarnerOptions {
	readonly outlets: readonly Outlet[];
	readonly store: WarningStore;
	/** As it was loaded. */
	readonly memory: WarningMemory;
	/** What stands at this moment. */
	matters(): readonly Matter[];
	/** This machine's name, as people know it. */
	readonly host: string;
	readonly clock: Clock;
	readonly log: Log;
}

/** Between two looks, if nothing wakes it. */
const LOOK_EVERY = 30 * SECOND;
/** A disk that does not answer keeps no warning in for longer than this. */
const LONGEST_SAVE = 5 * SECOND;

export class Warner {
	readonly #options: WarnerOptions;
	readonly #outlets: ReadonlyMap<string, Outlet>;
	readonly #events: EventQueue<WarningEvent>;
	#state: WarningState;
	#saving: Promise<void> = Promise.resolve();
	/** What is in memory is not on the disk. */
	#unsaved = false;

	constructor(options: WarnerOptions) {
		this.#options = options;
		this.#outlets = new Map(options.outlets.map((outlet) => [outlet.name, outlet]));
		this.#events = new EventQueue(options.clock);
		this.#state = startWarnings(options.memory, [...this.#outlets.keys()]);
	}

	/** Something may have changed. */
	wake(): void {
		this.#events.wake();
	}

	/** Runs until it is stopped; nothing where there is nobody to tell. */
	async run(stop: AbortSignal): Promise<void> {
		if (this.#outlets.size === 0) return;
		stop.addEventListener("abort", () => this.wake(), { once: true });
		while (!stop.aborted) {
			this.#handle({ type: "looked", matters: this.#options.matters() });
			if (this.#unsaved) void this.#save();
			const event = await this.#events.next(this.#wait());
			if (typeof event !== "string") this.#handle(event);
		}
	}

	/** How each outlet fares. */
	get outlets(): readonly OutletStatus[] {
		const { memory, outlets } = this.#state;
		return [...this.#outlets.keys()].map((name) => {
			const { messages, missed } = memory.outboxes[name] ?? { messages: [], missed: 0 };
			const trouble = outlets[name]?.trouble;
			return { name, waiting: messages.length, missed, ...(trouble ? { trouble } : {}) };
		});
	}

	/** Sends a message that says that nothing is wrong, once by each outlet. Never throws. */
	async test(): Promise<readonly OutletTest[]> {
		const { host, clock } = this.#options;
		const now = clock.now();
		const message: OutgoingMessage = {
			kind: "test",
			id: `test/${now}`,
			host,
			text: `batond on ${host}: a test message; nothing is wrong`,
			at: new Date(now).toISOString(),
		};
		return await Promise.all(
			[...this.#outlets.values()].map(async (outlet) => {
				const failure = await attempt(outlet, message);
				return { name: outlet.name, ...(failure ?? {}) };
			}),
		);
	}

	#wait(): number {
		const wait = nextSendAt(this.#state) - this.#options.clock.now();
		return Math.min(Math.max(wait, SECOND), LOOK_EVERY);
	}

	#handle(event: WarningEvent): void {
		const { state, effects } = decideWarnings(this.#state, event, this.#options.clock.now());
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
	}

	#perform(effect: WarningEffect): void {
		if (effect.type === "save") void this.#save();
		else void this.#send(effect);
	}

	/** One after the other; the newest is what counts. */
	#save(): Promise<void> {
		this.#saving = this.#saving.then(async () => {
			const { memory } = this.#state;
			try {
				await this.#options.store.save(memory);
				this.#unsaved = false;
			} catch (error) {
				if (!this.#unsaved) this.#options.log.failure("what was warned of cannot be kept", error);
				this.#unsaved = true;
			}
		});
		return this.#saving;
	}

	async #send({ outlet: name, message, missed }: Extract<WarningEffect, { type: "send" }>) {
		const outlet = this.#outlets.get(name);
		if (outlet === undefined) return;
		const { clock, log, host } = this.#options;
		const saved = new AbortController();
		const late = clock.sleep(LONGEST_SAVE, saved.signal).catch(() => {});
		await Promise.race([this.#saving, late]);
		saved.abort();
		const failure = await attempt(outlet, outgoing(message, host, missed));
		if (failure === undefined) {
			log.info("warning sent", { kind: message.what, name: message.name });
			return this.#events.post({ type: "sent", outlet: name, id: message.id });
		}
		log.warn("a warning could not be sent; trying again", { name, reason: failure.trouble });
		const random = clock.random();
		this.#events.post({ type: "failed", outlet: name, why: failure.trouble, random });
	}
}

function outgoing(message: Message, host: string, missed: number): OutgoingMessage {
	const { kind, id, name, what, text, next, at } = message;
	const step = next === undefined ? "" : `; next: ${next}`;
	const lost = missed === 0 ? "" : ` (${missed} earlier messages could not be sent)`;
	return {
		kind,
		id,
		host,
		name,
		what,
		text: `batond on ${host}, login ${name}: ${kind === "over" ? "over: " : ""}${text}${step}${lost}`,
		...(next === undefined ? {} : { next }),
		at: new Date(at).toISOString(),
		...(missed === 0 ? {} : { missed }),
	};
}

/** Why it was not taken; undefined if it was. Only our own errors are known to name no secret. */
async function attempt(outlet: Outlet, message: OutgoingMessage) {
	try {
		await outlet.send(message);
		return undefined;
	} catch (error) {
		if (!(error instanceof BatonError)) return { trouble: "failed for an unknown reason" };
		const { message: trouble, hint } = error;
		return { trouble, ...(hint === undefined ? {} : { hint }) };
	}
}
