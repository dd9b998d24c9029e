/**
 * The PC's machine at work: one queue, one event at a time, and all effects of an event performed
 * strictly in order before the next is looked at.
 *
 * Requests and waits for claude's locks are only started; their outcomes queue up as events. What a
 * crash leaves behind is what the last durable record and the escrow tell, and `startHandover` goes on
 * from there.
 */

import { type BackoffTable, backoffDelay } from "@baton/core/backoff";
import type { Reading } from "@baton/core/credentials-file";
import {
	decideHandover,
	type HandoverDecision,
	type HandoverEvent,
	startHandover,
} from "@baton/core/decide-handover";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type {
	EscrowFacts,
	Host,
	PcRecord,
	PcRules,
	PcState,
	StoreId,
} from "@baton/core/handover-state";
import { nextPcWake } from "@baton/core/plan-handover";
import type { HandoverPorts } from "./effect-ports.ts";
import { EffectRunner } from "./perform-effects.ts";
import { SleepWatch } from "./sleep-watch.ts";

/** An event before chance is added. */
export type PostedEvent = HandoverEvent extends infer E
	? E extends HandoverEvent
		? Omit<E, "random">
		: never
	: never;

/** One event with all its effects, over and durable. */
export interface Change {
	/** Undefined for the start of the run. */
	readonly event: PostedEvent | undefined;
	readonly before: PcState;
	readonly after: PcState;
}

export interface HandoverStart {
	/** Durable already. */
	readonly record: PcRecord;
	readonly escrows: readonly EscrowFacts[];
	readonly rules: PcRules;
	/** Unlike that of every other run. */
	readonly runId: string;
}

/** Often enough to notice that the machine has slept. */
const LONGEST_WAIT = 30 * SECOND;
/** A floor, so that a decision that changes nothing cannot spin. */
const SHORTEST_WAIT = 20;
/** Nothing else happens until the record is durable, so these are short throughout. */
const PERSIST_BACKOFF: BackoffTable = [250, SECOND, 2 * SECOND, 5 * SECOND];

export class HandoverRunner {
	readonly #ports: HandoverPorts;
	readonly #effects: EffectRunner;
	readonly #queue: PostedEvent[] = [];
	readonly #listeners = new Set<(change: Change) => void>();
	readonly #looks = new Map<StoreId, Promise<unknown>>();
	readonly #storeTroubles = new Map<StoreId, string>();
	readonly #sleepWatch: SleepWatch;
	readonly #first: HandoverDecision;
	#state: PcState;
	#posted = new AbortController();

	constructor(start: HandoverStart, ports: HandoverPorts) {
		this.#ports = ports;
		const { record, escrows, rules, runId } = start;
		this.#first = startHandover(record, escrows, rules, runId, ports.clock.now());
		this.#state = this.#first.state;
		this.#sleepWatch = new SleepWatch(ports.clock);
		this.#effects = new EffectRunner(ports, {
			post: (event) => this.post(event),
			look: (store, look) =>
				this.look(store, (reading) => ({ type: "store-read", store, reading, look })),
			inOrder: (store, step) => this.#inOrder(store, step),
			persist: (next, signal) => this.#persist(next, signal),
		});
	}

	/** What is known now; all of it durable, except while an event is being dealt with. */
	get state(): PcState {
		return this.#state;
	}

	/** Why the last request to this host failed; undefined once one was answered. */
	linkTrouble(host: Host): BatonError | undefined {
		return this.#effects.linkTroubles.get(host);
	}

	/** Why a login under way cannot be written, into escrow or a store. */
	get diskTrouble(): string | undefined {
		const { record, run } = this.#state;
		const [trouble] = this.#effects.diskTroubles.values();
		return record.handovers.length + Object.keys(run.copies).length > 0 ? trouble : undefined;
	}

	/** Why a store could not be read at the last look, and what to do about it. */
	get storeTroubles(): ReadonlyMap<StoreId, string> {
		return this.#storeTroubles;
	}

	post(event: PostedEvent): void {
		this.#queue.push(event);
		this.#posted.abort();
	}

	/** @returns what takes the listener away again */
	onChange(listener: (change: Change) => void): () => void {
		this.#listeners.add(listener);
		return () => void this.#listeners.delete(listener);
	}

	/**
	 * Looks at a store and posts what that means, if anything: looks at one store follow each other,
	 * and so do their events.
	 */
	async look(
		store: StoreId,
		meaning: (reading: Reading) => PostedEvent | undefined = (reading) => ({
			type: "store-read",
			store,
			reading,
		}),
	): Promise<Reading> {
		return await this.#inOrder(store, async () => {
			const reading = await this.#ports.source(store).read();
			this.#noteReadable(store, reading);
			const event = meaning(reading);
			if (event !== undefined) this.post(event);
			return reading;
		});
	}

	/**
	 * Runs until told to stop; what is under claude's locks then is finished first.
	 *
	 * @throws BatonError if it is told to stop while the record cannot be written
	 */
	async run(signal: AbortSignal): Promise<void> {
		const wake = () => this.#posted.abort();
		signal.addEventListener("abort", wake);
		try {
			await this.#settle(undefined, this.#state, this.#first, signal);
			while (!this.#mayStop(signal)) await this.#handle(await this.#next(signal), signal);
		} finally {
			signal.removeEventListener("abort", wake);
			await this.#effects.stop();
		}
	}

	#noteReadable(store: StoreId, reading: Reading): void {
		const before = this.#storeTroubles.get(store);
		if (reading.kind !== "unreadable") return void this.#storeTroubles.delete(store);
		const { why, hint } = reading;
		const trouble = hint === undefined ? why : `${why}; ${hint}`;
		this.#storeTroubles.set(store, trouble);
		if (before !== trouble) this.#ports.onUnreadable(store, why, hint);
	}

	#mayStop(signal: AbortSignal): boolean {
		return signal.aborted && !(this.#state.run.lock?.held && this.#queue.length > 0);
	}

	async #handle(event: PostedEvent | undefined, signal: AbortSignal): Promise<void> {
		if (event === undefined) return;
		const { clock } = this.#ports;
		const before = this.#state;
		const whole = { ...event, random: clock.random() } as HandoverEvent;
		await this.#settle(event, before, decideHandover(before, whole, clock.now()), signal);
	}

	async #settle(
		event: PostedEvent | undefined,
		before: PcState,
		decision: HandoverDecision,
		signal: AbortSignal,
	): Promise<void> {
		this.#state = decision.state;
		await this.#effects.perform(decision, signal);
		const change: Change = { event, before, after: decision.state };
		for (const listener of [...this.#listeners]) listener(change);
	}

	/** The next event in the queue, or a tick when the time for one has come. */
	async #next(signal: AbortSignal): Promise<PostedEvent | undefined> {
		const { clock } = this.#ports;
		if (this.#queue.length === 0 && !signal.aborted) {
			this.#posted = new AbortController();
			const due = nextPcWake(this.#state) - clock.now();
			const wait = Math.min(Math.max(due, SHORTEST_WAIT), LONGEST_WAIT);
			await clock.sleep(wait, this.#posted.signal).catch(() => undefined);
		}
		if (this.#sleepWatch.hasSlept()) {
			this.#effects.closeLinks();
			this.post({ type: "woken" });
		}
		return this.#queue.shift() ?? (signal.aborted ? undefined : { type: "tick" });
	}

	/** Nothing that follows a persist may happen before it. */
	async #persist(record: PcRecord, signal: AbortSignal): Promise<void> {
		const { clock, onTrouble } = this.#ports;
		for (let failures = 1; ; failures += 1) {
			try {
				await this.#ports.persist(record);
				if (failures > 1) onTrouble(undefined);
				this.#effects.resume();
				return;
			} catch (error) {
				if (!(error instanceof BatonError) || signal.aborted) throw error;
				if (failures === 1) onTrouble(error);
				await this.#effects.pause();
				const wait = backoffDelay(PERSIST_BACKOFF, failures, clock.random());
				await clock.sleep(wait, signal).catch(() => undefined);
			}
		}
	}

	#inOrder<T>(store: StoreId, step: () => Promise<T>): Promise<T> {
		const before = this.#looks.get(store) ?? Promise.resolve();
		const next = before.then(step);
		this.#looks.set(
			store,
			next.catch(() => undefined),
		);
		return next;
	}
}
