/**
 * One custody name at work: its state machine, fed with one event at a time, and its sinks.
 *
 * Requests, ticks and outcomes queue up; each is decided and all its effects are performed before the
 * next one is looked at. Only what is durable is shown and served.
 */

import { randomBytes } from "node:crypto";
import { isOurs } from "@baton/core/answer-custody";
import type { AskVerdict } from "@baton/core/ask-verdict";
import {
	type CustodyRecord,
	type CustodyRules,
	type CustodyState,
	type ServedToken,
	servedToken,
	withRules,
} from "@baton/core/custody-state";
import {
	type CustodyDecision,
	type CustodyEvent,
	decideCustody,
	startCustody,
} from "@baton/core/decide-custody";
import { MINUTE, SECOND } from "@baton/core/duration";
import type { NamedCopy } from "@baton/core/effect";
import type { Fingerprint } from "@baton/core/lineage";
import { nextWake, pcAwaitedUntil } from "@baton/core/plan-custody";
import type { AnswerBody, Request } from "@baton/core/protocol";
import type { RevokeVerdict } from "@baton/core/revoke-verdict";
import type { Session } from "@baton/core/session";
import type { Clock } from "@baton/io/clock";
import { ClockWatch } from "./clock-watch.ts";
import type { CustodyStore } from "./custody-store.ts";
import { durableOf } from "./durable-of.ts";
import type { Engine } from "./engines/engine.ts";
import { EventQueue } from "./event-queue.ts";
import type { HeardNote } from "./heard-note.ts";
import { disarmSource } from "./import-source.ts";
import { Persister, type Trouble } from "./persister.ts";
import type { Probe } from "./probe.ts";
import { Publisher } from "./publisher.ts";
import type { Revoker } from "./revoker.ts";
import { runEffects, type StartedOutcome } from "./run-effects.ts";
import type { SinkReport } from "./sink-report.ts";
import type { Sink } from "./sinks/sink.ts";

export interface CustodianOptions {
	/** Durable already. */
	readonly record: CustodyRecord;
	readonly rules: CustodyRules;
	readonly engine: Engine;
	readonly probe: Probe;
	readonly revoke: Revoker;
	readonly sinks: readonly Sink[];
	readonly store: CustodyStore;
	readonly clock: Clock;
	/** Hears every note, in order: for the log and the audit log. */
	onNote(note: HeardNote): void;
	/** The state cannot be written, or can be again. */
	onTrouble(trouble: Trouble | undefined): void;
	/** A request that could not be decided, through a fault of the program. */
	onFault(fault: unknown): void;
}

export interface Reply {
	readonly body: AnswerBody;
	readonly disarm: readonly NamedCopy[];
}

/** What may be shown of a name: all of it durable. */
export interface CustodyView {
	readonly record: CustodyRecord;
	readonly run: CustodyState["run"];
	readonly sinks: readonly SinkReport[];
	readonly trouble: Trouble | undefined;
	/** The newest refresh token is not on the disk yet: it is lost if this process ends. */
	readonly unsaved: boolean;
	/** Until when a PC's word is waited for before the login is refreshed, wall-clock ms. */
	readonly pcAwaitedUntil: number | undefined;
	/** When something but a look is next due, wall-clock ms; infinity if nothing is. */
	readonly nextAt: number;
}

/** Often enough to notice a jump of the clock before much comes of it. */
const LONGEST_WAIT = MINUTE;
/** A floor, so that a decision that changes nothing cannot spin. */
const SHORTEST_WAIT = 20;
/** Between journaling an intent and sending what it announces, wall-clock ms. */
const INTENT_GOOD_FOR = 10 * SECOND;
/** When the service stops, sinks get this long to take the last token, and an engine to remove what it has left. */
const LAST_WRITES = 10 * SECOND;

const UNAVAILABLE = unavailable("the service is stopping");
const FAULTY = unavailable("the service met a fault");

function unavailable(reason: string): Reply {
	return { body: { type: "unavailable", reason }, disarm: [] };
}

export class Custodian {
	readonly #options: CustodianOptions;
	readonly #publisher: Publisher;
	readonly #persister: Persister;
	readonly #clockWatch: ClockWatch;
	readonly #events: EventQueue<CustodyEvent>;
	readonly #replies = new Map<string, (reply: Reply) => void>();
	readonly #verdicts = new Map<string, (verdict: AskVerdict | undefined) => void>();
	readonly #revokers = new Map<string, (verdict: RevokeVerdict | undefined) => void>();
	/** In the order of their events. */
	readonly #forgetting: (() => void)[] = [];
	#state!: CustodyState;
	#lastKey = 0;
	#stopping = false;
	#lastTurn: number;
	#adjustment: (() => void) | undefined;
	/** How often the engine is still at what it was told. */
	#tidying = 0;

	constructor(options: CustodianOptions) {
		const { clock, record, rules, sinks, store } = options;
		this.#options = options;
		this.#lastTurn = clock.monotonic();
		this.#clockWatch = new ClockWatch(clock);
		this.#events = new EventQueue(clock);
		this.#persister = new Persister(store, clock, record, (trouble) => options.onTrouble(trouble));
		this.#publisher = new Publisher({
			name: record.name,
			sinks,
			clock,
			lookEvery: rules.timing.lookAtSinks,
			onConfirmed: (access) =>
				this.#events.post({ type: "sinks-confirmed", access, ...this.#chance() }),
			onNote: (note) => this.#note(note),
			onSettled: () => this.#events.wake(),
		});
	}

	get name(): string {
		return this.#options.record.name;
	}

	/** Runs until `stop`. @throws whatever is a fault of the program; the state on disk is sound then */
	async run(): Promise<void> {
		const { clock, rules } = this.#options;
		const { durable } = this.#persister;
		this.#tellEngine(durable);
		await this.#apply(startCustody(durable, rules, clock.now(), clock.random()));
		while (!this.#mayEnd()) {
			this.#lastTurn = clock.monotonic();
			this.#takeAdjustment();
			const event = await this.#next();
			if (event !== undefined) await this.#handle(event);
		}
		this.#dismissAll();
		await this.#lastWrites();
	}

	/**
	 * Whether it gets anywhere: its loop came round lately, as it does while a refresh is under way. One that
	 * waits for the disk counts, as what it has not saved would be lost with this process.
	 */
	get goesOn(): boolean {
		const since = this.#options.clock.monotonic() - this.#lastTurn;
		return this.#persister.busy || since < 2 * LONGEST_WAIT;
	}

	/** Other rules and sinks, between two events. A sink that is what it was is the same object. */
	adjust(rules: CustodyRules, sinks: readonly Sink[]): void {
		this.#adjustment = () => {
			this.#state = withRules(this.#state, rules);
			this.#publisher.adjust(sinks, rules.timing.lookAtSinks);
		};
		this.#events.wake();
	}

	#takeAdjustment(): void {
		this.#adjustment?.();
		this.#adjustment = undefined;
	}

	/** Lets a refresh or a logout that is under way end and its outcome be persisted; all else can wait. */
	stop(): void {
		this.#stopping = true;
		this.#events.wake();
	}

	/** @param request checked by now */
	request(device: string, request: Request): Promise<Reply> {
		return this.#ask((key, nonce) => ({
			type: "request",
			key,
			nonce,
			device,
			request,
			...this.#chance(),
		}));
	}

	/** @param path where the login lies, absolute; undefined for one that was typed in */
	import(session: Session, path: string | undefined, replace: boolean): Promise<Reply> {
		return this.#ask((key, nonce) => ({
			type: "import",
			key,
			nonce,
			session,
			path,
			replace,
			...this.#chance(),
		}));
	}

	#ask(event: (key: string, nonce: string) => CustodyEvent): Promise<Reply> {
		if (this.#stopping) return Promise.resolve(UNAVAILABLE);
		const key = this.#nextKey();
		const nonce = randomBytes(16).toString("hex");
		return new Promise((resolve) => {
			this.#replies.set(key, resolve);
			this.#events.post(event(key, nonce));
		});
	}

	/**
	 * Resolves as soon as it is decided, not when it is done; undefined if the service is stopping.
	 *
	 * @param force however young the token is
	 */
	askRefresh(force = false): Promise<AskVerdict | undefined> {
		if (this.#stopping) return Promise.resolve(undefined);
		const key = this.#nextKey();
		return new Promise((resolve) => {
			this.#verdicts.set(key, resolve);
			this.#events.post({ type: "refresh-asked", key, force, ...this.#chance() });
		});
	}

	/** Resolves once it is durable that nothing is refreshed any more; undefined as `askRefresh`. */
	askRevoke(): Promise<RevokeVerdict | undefined> {
		if (this.#stopping) return Promise.resolve(undefined);
		const key = this.#nextKey();
		return new Promise((resolve) => {
			this.#revokers.set(key, resolve);
			this.#events.post({ type: "revoke-asked", key, ...this.#chance() });
		});
	}

	/** What this device was promised is void, and all it has said is dealt with, once this resolves. */
	forgetDevice(device: string): Promise<void> {
		if (this.#stopping) return Promise.resolve();
		return new Promise((resolve) => {
			this.#forgetting.push(resolve);
			this.#events.post({ type: "device-forgotten", device, ...this.#chance() });
		});
	}

	view(): CustodyView {
		const { durable: record, trouble } = this.#persister;
		return {
			record,
			run: this.#state.run,
			sinks: this.#publisher.reports,
			trouble,
			unsaved: trouble !== undefined && bringsTokens(this.#state.record, record),
			pcAwaitedUntil: pcAwaitedUntil(this.#state, this.#options.clock.now()),
			nextAt: Math.min(this.#nextStepAt(), this.#publisher.nextWriteAt),
		};
	}

	/** The access token for whoever asks: a living one that is durable. */
	served(): ServedToken | undefined {
		return servedToken(this.#persister.durable, this.#options.clock.now());
	}

	/** Whether a refresh token of this fingerprint is, or was, in this custody. */
	knows(fp: Fingerprint): boolean {
		return isOurs(this.#state.record, fp);
	}

	/** Whether the file may have been blanked for an import that is not written down as done. */
	isDisarming(path: string): boolean {
		const imported = this.#state.record.staged?.imported;
		return imported?.path === path && imported.state === "disarming";
	}

	// Events

	/** A tick once its time has come; undefined if there may be other news. */
	async #next(): Promise<CustodyEvent | undefined> {
		const wait = this.#wakeAt() - this.#options.clock.now();
		const next = await this.#events.next(Math.min(Math.max(wait, SHORTEST_WAIT), LONGEST_WAIT));
		if (next === "woken") return undefined;
		return next === "late" ? { type: "tick", ...this.#chance() } : next;
	}

	#wakeAt(): number {
		return Math.min(this.#nextStepAt(), this.#publisher.wakeAt);
	}

	#nextStepAt(): number {
		return nextWake(this.#state, this.#options.clock.now());
	}

	#chance() {
		return { random: this.#options.clock.random() };
	}

	async #handle(event: CustodyEvent): Promise<void> {
		const by = this.#clockWatch.jumpedBy();
		if (by !== 0) await this.#decide({ type: "clock-jumped", by, ...this.#chance() });
		await this.#decide(event);
		this.#publisher.tick();
	}

	async #decide(event: CustodyEvent): Promise<void> {
		await this.#apply(this.#decision(event));
		if (event.type === "device-forgotten") this.#forgetting.shift()?.();
	}

	/** No device may end the service with what it asks; any other fault is better seen than hidden. */
	#decision(event: CustodyEvent): CustodyDecision {
		try {
			return decideCustody(this.#state, event, this.#options.clock.now());
		} catch (fault) {
			if (event.type !== "request" && event.type !== "import") throw fault;
			this.#options.onFault(fault);
			this.#answer(event.key, FAULTY);
			return { state: this.#state, effects: [] };
		}
	}

	async #apply({ state, effects }: CustodyDecision): Promise<void> {
		this.#state = state;
		const { engine, probe, revoke, clock } = this.#options;
		const decidedAt = clock.now();
		await runEffects(effects, {
			engine,
			probe,
			revoke,
			isStale: () => Math.abs(clock.now() - decidedAt) > INTENT_GOOD_FOR,
			persist: (record) => this.#persist(record),
			publish: (token) => this.#publisher.publish(token),
			clearSinks: () => this.#publisher.clear(),
			proveSinks: () => this.#publisher.prove(),
			disarmSource: (path, wanted) => disarmSource(path, wanted, clock),
			answer: (key, body, disarm) => this.#answer(key, { body: this.#complete(body), disarm }),
			tellVerdict: (key, verdict) => this.#tellVerdict(key, verdict),
			tellRevocation: (key, verdict) => this.#tellRevocation(key, verdict),
			note: (note) => this.#note(note),
			start: (work) => this.#started(work),
		});
	}

	/** Only what is durable lets an engine clean up. */
	async #persist(record: CustodyRecord): Promise<void> {
		await this.#persister.persist(record);
		this.#tellEngine(record);
	}

	#tellEngine(durable: CustodyRecord): void {
		this.#tidying += 1;
		this.#options.engine.settled(durableOf(durable)).then(
			() => {
				this.#tidying -= 1;
			},
			(fault) => this.#events.fail(fault),
		);
	}

	#note(note: HeardNote): void {
		this.#options.onNote(note);
	}

	#started(work: Promise<StartedOutcome>): void {
		work.then(
			(outcome) => this.#events.post({ ...outcome, ...this.#chance() }),
			(fault) => this.#events.fail(fault),
		);
	}

	// Answers

	#nextKey(): string {
		this.#lastKey += 1;
		return String(this.#lastKey);
	}

	#tellVerdict(key: string, verdict: AskVerdict | undefined): void {
		this.#verdicts.get(key)?.(verdict);
		this.#verdicts.delete(key);
	}

	#tellRevocation(key: string, verdict: RevokeVerdict | undefined): void {
		this.#revokers.get(key)?.(verdict);
		this.#revokers.delete(key);
	}

	#answer(key: string, reply: Reply): void {
		this.#replies.get(key)?.(reply);
		this.#replies.delete(key);
	}

	#complete(body: AnswerBody): AnswerBody {
		if (body.type !== "status") return body;
		const sinks = this.#publisher.reports.map(({ name, state }) => ({ name, state }));
		return { ...body, sinks, now: this.#options.clock.now() };
	}

	#dismissAll(): void {
		for (const key of [...this.#replies.keys()]) this.#answer(key, UNAVAILABLE);
		for (const key of [...this.#verdicts.keys()]) this.#tellVerdict(key, undefined);
		for (const key of [...this.#revokers.keys()]) this.#tellRevocation(key, undefined);
	}

	// The end

	#mayEnd(): boolean {
		const kind = this.#state.run.operation?.kind;
		return this.#stopping && kind !== "refresh" && kind !== "revoke";
	}

	async #lastWrites(): Promise<void> {
		const { clock } = this.#options;
		const deadline = clock.monotonic() + LAST_WRITES;
		const isBusy = () => this.#publisher.busy || this.#tidying > 0;
		while (isBusy() && clock.monotonic() < deadline) await clock.sleep(SHORTEST_WAIT);
	}
}

/** Whether a record holds a token that a refresh brought and another record does not. */
function bringsTokens(newer: CustodyRecord, older: CustodyRecord): boolean {
	const known = [older.current?.fp, older.staged?.fp];
	const held = [newer.current, newer.staged].filter((one) => one !== undefined);
	return held.some(({ fp, generation }) => generation > 0 && !known.includes(fp));
}
