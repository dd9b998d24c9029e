/**
 * A PC: the real hand-over decisions on a simulated disk and process, beside a claude that does as it
 * likes.
 */

import type { HandoverEvent } from "@baton/core/decide-handover";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import type { HandoverEffect, OutgoingRequest } from "@baton/core/effect";
import {
	DEFAULT_PC_TIMING,
	dedicatedStore,
	EMPTY_PC_RECORD,
	type EscrowFacts,
	NORMAL_STORE,
	type PcRecord,
	type PcRules,
	type PcState,
	type StoreId,
} from "@baton/core/handover-state";
import { fingerprint } from "@baton/core/lineage";
import { nextPcWake } from "@baton/core/plan-handover";
import type { Answer, Request } from "@baton/core/protocol";
import { type ArmedSession, formatEntry } from "@baton/core/session";
import { type Content, EMPTY, type Lock, Store } from "./store.ts";
import type { VpsNode } from "./vps-node.ts";
import type { World } from "./world.ts";

export const HOST = "vps";

export interface Escrow {
	readonly facts: EscrowFacts;
	readonly session: ArmedSession;
}

interface Process {
	state: PcState;
	readonly queue: (() => readonly HandoverEffect[])[];
	performing: boolean;
	/** The record cannot be written for now. */
	stalled: boolean;
	timer: number;
	lock: Lock | undefined;
	lockId: number | undefined;
}

export interface PcSnapshot {
	readonly record: PcRecord;
	readonly escrows: ReadonlyMap<string, Escrow>;
	readonly contents: ReadonlyMap<StoreId, Content>;
}

/** What a PC has to do with. */
type PcWorld = Omit<World, "byClaude" | "vps">;

export class PcNode {
	readonly name: string;
	readonly rules: PcRules;
	readonly stores = new Map<StoreId, Store>();
	disk: { record: PcRecord; escrows: Map<string, Escrow> } = {
		record: EMPTY_PC_RECORD,
		escrows: new Map(),
	};
	process: Process | undefined;
	asleepUntil = 0;
	readonly #world: PcWorld;
	readonly #vps: Pick<VpsNode, "receive">;

	/** @param statusEvery between two contacts when nothing is to be done, ms */
	constructor(
		name: string,
		world: PcWorld,
		vps: Pick<VpsNode, "receive">,
		mode: "dedicated" | "follow-login",
		statusEvery = 3 * HOUR,
	) {
		this.name = name;
		this.#world = world;
		this.#vps = vps;
		this.rules = {
			hosts: { [HOST]: { name: "default", mode, followLogin: "when-needed" } },
			timing: { ...DEFAULT_PC_TIMING, statusEvery },
		};
		for (const id of [NORMAL_STORE, dedicatedStore(HOST)]) {
			const store = new Store();
			store.onChange = () => this.#changed(id);
			this.stores.set(id, store);
		}
	}

	get normal(): Store {
		return this.store(NORMAL_STORE);
	}

	get dedicated(): Store {
		return this.store(dedicatedStore(HOST));
	}

	store(id: StoreId): Store {
		const store = this.stores.get(id);
		if (store === undefined) throw new Error(`no store ${id}`);
		return store;
	}

	get isAsleep(): boolean {
		return this.#world.timeline.now < this.asleepUntil;
	}

	start(): void {
		if (this.process !== undefined) return;
		const { rules, random, timeline } = this.#world;
		const facts = [...this.disk.escrows.values()].map((escrow) => escrow.facts);
		const { state, effects } = rules.startHandover(
			this.disk.record,
			facts,
			this.rules,
			random.hex(8),
			timeline.now,
		);
		const process: Process = {
			state,
			queue: [() => effects],
			performing: false,
			stalled: false,
			timer: 0,
			lock: undefined,
			lockId: undefined,
		};
		this.process = process;
		this.#world.tell(() => `${this.name} starts`);
		this.#work(process);
		for (const id of this.stores.keys()) this.#look(id);
	}

	crash(): void {
		if (this.process === undefined) return;
		this.#world.tell(() => `${this.name} crashes`);
		this.process = undefined;
		const { timeline, random } = this.#world;
		timeline.after(random.between(SECOND, 2 * HOUR), () => this.start());
	}

	/** The whole machine pauses: claude too, in the middle of whatever it does. */
	sleep(ms: number): void {
		const { timeline } = this.#world;
		this.#world.tell(() => `${this.name} sleeps ${Math.round(ms / MINUTE)} min`);
		this.asleepUntil = Math.max(this.asleepUntil, timeline.now + ms);
		timeline.after(ms, () => this.dispatch({ type: "woken", random: 0.5 }));
	}

	/** Runs when the machine is awake: at once, or on waking. */
	whenAwake(run: () => void): void {
		if (!this.isAsleep) return run();
		this.#world.timeline.after(this.asleepUntil - this.#world.timeline.now + 1, () =>
			this.whenAwake(run),
		);
	}

	snapshot(): PcSnapshot {
		const contents = new Map([...this.stores].map(([id, store]) => [id, store.content]));
		return { record: this.disk.record, escrows: new Map(this.disk.escrows), contents };
	}

	rollBack(snapshot: PcSnapshot): void {
		this.#world.tell(() => `${this.name} is rolled back`);
		this.process = undefined;
		this.disk = { record: snapshot.record, escrows: new Map(snapshot.escrows) };
		for (const [id, content] of snapshot.contents) {
			this.store(id).lock = undefined;
			this.store(id).content = { ...content, restored: true };
		}
		this.#world.timeline.after(SECOND, () => this.start());
	}

	dispatch(event: HandoverEvent, to = this.process): void {
		if (to === undefined || this.process !== to) return;
		if (this.isAsleep) {
			this.whenAwake(() => this.dispatch(event, to));
			return;
		}
		to.queue.push(() => {
			const before = to.state;
			const { state, effects } = this.#world.rules.decideHandover(
				before,
				event,
				this.#world.timeline.now,
			);
			to.state = state;
			this.#world.oracle.pcStepped(this, before, state, event);
			return effects;
		});
		this.#work(to);
	}

	#changed(id: StoreId): void {
		this.#world.oracle.copiesChanged(`${this.name} store changed`);
		const { timeline, random } = this.#world;
		timeline.after(random.between(100, 2 * SECOND), () => this.whenAwake(() => this.#look(id)));
	}

	#look(id: StoreId, look = 0): void {
		const reading = this.store(id).read();
		const random = this.#world.random.next();
		this.#world.timeline.after(1, () =>
			this.dispatch({ type: "store-read", store: id, reading, look, random }),
		);
	}

	/** The reconciling look, in case a change went unnoticed. */
	reconcile(): void {
		if (!this.isAsleep) for (const id of this.stores.keys()) this.#look(id);
	}

	#work(process: Process): void {
		if (process.performing) return;
		const next = process.queue.shift();
		if (next === undefined) return this.#arm(process);
		if (this.process !== process) return;
		process.performing = true;
		this.#perform(process, this.#world.rules.reorder(next()), 0);
	}

	#perform(process: Process, effects: readonly HandoverEffect[], index: number): void {
		const { random, faults } = this.#world;
		for (let i = index; i < effects.length; i += 1) {
			const effect = effects[i];
			if (effect === undefined || this.process !== process) return;
			if (effect.type === "persist-pc" && random.chance(faults.diskFull)) {
				this.#stall(process, () => this.#perform(process, effects, i));
				return;
			}
			if (random.chance(faults.crash)) return this.crash();
			if (!this.#do(process, effect)) break;
			if (random.chance(faults.crash)) return this.crash();
		}
		process.performing = false;
		this.#work(process);
	}

	/** While the record cannot be written, claude's locks are let go of. */
	#stall(process: Process, then: () => void): void {
		const { timeline, random } = this.#world;
		process.stalled = true;
		for (const store of this.stores.values()) store.release(process.lock);
		process.lock = undefined;
		timeline.after(random.between(MINUTE, HOUR), () => {
			process.stalled = false;
			then();
		});
	}

	#arm(process: Process): void {
		const { timeline } = this.#world;
		const timer = ++process.timer;
		const wake = nextPcWake(process.state);
		if (wake === Number.POSITIVE_INFINITY) return;
		timeline.after(Math.max(1, wake - timeline.now), () => {
			if (process.timer !== timer) return;
			this.dispatch({ type: "tick", random: this.#world.random.next() }, process);
		});
	}

	/** @returns false if the effect failed, which ends its list */
	#do(process: Process, effect: HandoverEffect): boolean {
		const { oracle, random, faults } = this.#world;
		const failable =
			effect.type === "write-escrow" ||
			effect.type === "disarm-store" ||
			effect.type === "restore-store";
		if (failable && random.chance(faults.diskFull)) {
			const fp = effect.type === "write-escrow" ? effect.facts.fp : effect.fp;
			return this.#fail(process, effect.type, fp);
		}
		switch (effect.type) {
			case "persist-pc":
				oracle.said(effect.record);
				oracle.pcPersisted(this, this.disk.record, effect.record);
				this.disk.record = effect.record;
				return true;
			case "send":
				this.#send(process, effect.request);
				return true;
			case "read-store":
				oracle.leaveGiven(this, this.#world.timeline.now);
				this.#look(effect.store, effect.id);
				return true;
			case "lock-store":
				this.#lock(
					process,
					effect.id,
					this.store(effect.store),
					this.#world.timeline.now + 15 * SECOND,
				);
				return true;
			case "write-escrow":
				this.disk.escrows.set(effect.facts.fp, { facts: effect.facts, session: effect.session });
				return true;
			case "disarm-store":
				return this.#disarm(process, effect.store, effect.fp);
			case "restore-store":
				return this.#restore(process, effect.store, effect.fp);
			case "unlock-store":
				this.store(effect.store).release(process.lock);
				process.lock = undefined;
				return true;
			case "erase-escrow":
				oracle.escrowErased(this, effect.fp);
				this.disk.escrows.delete(effect.fp);
				oracle.copiesChanged(`${this.name} escrow erased`);
				this.dispatch({ type: "escrow-erased", fp: effect.fp, random: random.next() }, process);
				return true;
			case "note":
				oracle.said(effect);
				this.#world.tell(
					() =>
						`${this.name}: ${effect.what} ${effect.reason ?? ""} ${effect.fp?.slice(0, 6) ?? ""}`,
				);
				return true;
		}
	}

	#fail(
		process: Process,
		effect: "write-escrow" | "disarm-store" | "restore-store",
		fp: string,
	): false {
		const random = this.#world.random.next();
		this.dispatch({ type: "effect-failed", effect, fp, why: "full", random }, process);
		return false;
	}

	/** Waits for the lock as long as Baton does; a lock of the dead is broken once it is stale. */
	#lock(process: Process, id: number, store: Store, until: number): void {
		const { timeline, rules, random } = this.#world;
		if (this.process !== process) return;
		const lock: Lock = {
			owner: "baton",
			isAlive: () => this.process === process,
			touchedAt: timeline.now,
		};
		if (!process.stalled && store.acquire(lock, timeline.now, rules.breaksLocksOfTheLiving)) {
			process.lock = lock;
			this.dispatch(
				{ type: "store-locked", id, reading: store.read(), random: random.next() },
				process,
			);
			return;
		}
		if (timeline.now >= until) {
			return this.dispatch({ type: "store-busy", id, random: random.next() }, process);
		}
		timeline.after(SECOND, () => this.whenAwake(() => this.#lock(process, id, store, until)));
	}

	#disarm(process: Process, id: StoreId, fp: string): boolean {
		const store = this.store(id);
		const { session } = store.content;
		const held = session?.refreshToken;
		if (held === undefined || fingerprint(held) !== fp || !this.#holds(process, store)) {
			return this.#fail(process, "disarm-store", fp);
		}
		this.#world.oracle.disarmed(this, id, held.reveal());
		const disarmed =
			id === NORMAL_STORE
				? { session: { ...session, refreshToken: undefined }, restored: false }
				: EMPTY;
		store.write(disarmed as Content);
		this.dispatch({ type: "disarmed", fp, random: this.#world.random.next() }, process);
		return true;
	}

	#holds(process: Process, store: Store): boolean {
		return process.lock !== undefined && store.lock === process.lock;
	}

	#restore(process: Process, id: StoreId, fp: string): boolean {
		const store = this.store(id);
		const escrow = this.disk.escrows.get(fp);
		if (escrow === undefined || !this.#holds(process, store))
			return this.#fail(process, "restore-store", fp);
		this.#world.oracle.restored(this, store.content);
		const restored = this.#world.oracle.isCopy(escrow.session.refreshToken.reveal());
		store.write({ session: escrow.session, restored });
		this.dispatch({ type: "restored", fp, random: this.#world.random.next() }, process);
		return true;
	}

	// The link

	#send(process: Process, outgoing: OutgoingRequest): void {
		const { timeline, random, faults } = this.#world;
		const request = this.#withSession(outgoing);
		let settled = false;
		const settle = (event: HandoverEvent) => {
			if (settled) return;
			settled = true;
			this.dispatch(event, process);
		};
		const fail = (why: string): HandoverEvent => ({
			type: "link-failed",
			host: HOST,
			requestId: outgoing.id,
			why,
			random: random.next(),
		});
		timeline.after(30 * SECOND, () => settle(fail("timed-out")));
		if (request === undefined) return settle(fail("no escrow"));
		const copies = random.chance(faults.messageDoubled) ? 2 : 1;
		for (let i = 0; i < copies; i += 1) {
			if (random.chance(faults.messageLost)) continue;
			const late = random.chance(faults.messageLate);
			const delay = late ? random.between(30 * SECOND, 3 * HOUR) : random.between(10, 800);
			timeline.after(delay, () => {
				this.#vps.receive(this.name, request, (answer) => this.#answer(process, answer, settle));
			});
		}
	}

	/** Answers may be doubled and late as well; a late one reaches the decisions, who must ignore it. */
	#answer(process: Process, answer: Answer, settle: (event: HandoverEvent) => void): void {
		const { timeline, random, faults } = this.#world;
		if (random.chance(faults.answerLost)) return;
		const event: HandoverEvent = { type: "answer", host: HOST, answer, random: random.next() };
		timeline.after(random.between(10, 800), () => {
			if (!this.isAsleep) settle(event);
		});
		if (random.chance(Math.min(0.5, 5 * faults.messageDoubled))) {
			const late = random.chance(0.5) ? 20 * SECOND : HOUR;
			timeline.after(random.between(SECOND, late), () => this.dispatch(event, process));
		}
	}

	#withSession(outgoing: OutgoingRequest): Request | undefined {
		if (outgoing.type !== "deliver") return outgoing;
		const escrow = this.disk.escrows.get(outgoing.fp);
		if (escrow === undefined) return undefined;
		return { ...outgoing, session: { ...formatEntry(escrow.session) } };
	}
}
