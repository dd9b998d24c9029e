/**
 * Claude Code on a PC, as far as it touches a login: it refreshes when it is used and the token is near
 * its end, under its locks; it logs in and out when the person likes; it may sleep or die in between.
 */

import { MINUTE, SECOND } from "@baton/core/duration";
import { rotate } from "@baton/core/tokens";
import type { PcNode } from "./pc-node.ts";
import type { Lock, Store } from "./store.ts";
import type { World } from "./world.ts";

/** It refreshes at this much or less, ms (claude 2.1.330). */
const NEAR_END = 5 * MINUTE;

export class Claude {
	readonly #pc: PcNode;
	readonly #world: World;
	#incarnation = 0;
	#busy = false;

	constructor(pc: PcNode, world: World) {
		this.#pc = pc;
		this.#world = world;
	}

	/** A request made with it: the moment at which it looks at its token, or is told that it is dead. */
	use(refused = false): void {
		const { timeline } = this.#world;
		const store = this.#pc.normal;
		if (this.#pc.isAsleep || this.#busy || store.refreshToken === undefined) return;
		if (!refused && !isNearEnd(store, timeline.now)) return;
		const incarnation = ++this.#incarnation;
		const lock: Lock = {
			owner: "claude",
			isAlive: () => this.#incarnation === incarnation,
			touchedAt: timeline.now,
		};
		if (!store.acquire(lock, timeline.now)) return;
		this.#busy = true;
		this.#keepFresh(store, lock);
		this.#refresh(store, lock, incarnation);
	}

	/** The process ends where it is; its lock stays behind. */
	die(): void {
		this.#incarnation += 1;
		this.#busy = false;
	}

	/** Every 5 s; after a sleep, at some moment of the 5 s that were left when it fell asleep. */
	#keepFresh(store: Store, lock: Lock): void {
		const { timeline, random } = this.#world;
		if (store.lock !== lock || !lock.isAlive()) return;
		lock.touchedAt = timeline.now;
		timeline.after(5 * SECOND, () => {
			const again = () => this.#keepFresh(store, lock);
			if (!this.#pc.isAsleep) return again();
			this.#pc.whenAwake(() => timeline.after(random.between(0, 5 * SECOND), again));
		});
	}

	#refresh(store: Store, lock: Lock, incarnation: number): void {
		const { timeline, provider, random, faults, oracle } = this.#world;
		const token = store.refreshToken;
		const { restored, session } = store.content;
		if (token === undefined || session === undefined) return this.#end(store, lock);
		const by = restored || oracle.isCopy(token) ? "rogue" : "claude";
		if (random.chance(10 * faults.sleep)) this.#pc.sleep(random.between(2 * MINUTE, 300 * MINUTE));
		this.#world.tell(() => `${this.#pc.name} claude refreshes`);
		timeline.after(random.between(10, 2 * SECOND), () => {
			if (provider.isDown) return this.#end(store, lock);
			const outcome = provider.refresh(token, by);
			const fresh = outcome.kind === "rotated" ? outcome.tokens.refreshToken?.reveal() : undefined;
			if (fresh !== undefined) oracle.inClaude.add(fresh);
			if (by === "rogue") oracle.copied(fresh);
			const asleep = this.#pc.isAsleep && random.chance(0.5);
			timeline.after(random.between(20, SECOND), () =>
				this.#pc.whenAwake(() => {
					if (fresh !== undefined) oracle.inClaude.delete(fresh);
					if (this.#incarnation !== incarnation || asleep) provider.loseReply(token, by);
					else if (outcome.kind === "rotated" && store.refreshToken === token) {
						store.write({ session: rotate(session, outcome.tokens, timeline.now), restored });
					} else if (outcome.kind === "dead" && store.refreshToken === token) {
						store.write({ session: undefined, restored: false });
					}
					// Replaced meanwhile: claude adopts what is there, and drops what it got.
					oracle.copiesChanged("claude heard");
					if (this.#incarnation === incarnation) this.#end(store, lock);
				}),
			);
		});
	}

	#end(store: Store, lock: Lock): void {
		store.release(lock);
		this.#busy = false;
	}
}

function isNearEnd(store: Store, now: number): boolean {
	return (store.content.session?.expiresAt ?? Number.POSITIVE_INFINITY) - now <= NEAR_END;
}
