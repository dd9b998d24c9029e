/**
 * Performs what a decision asks for, strictly in order. A failing effect ends its list and comes back
 * as `effect-failed`.
 */

import type { HandoverDecision } from "@baton/core/decide-handover";
import type { HandoverEffect, OutgoingRequest } from "@baton/core/effect";
import { BatonError } from "@baton/core/error";
import type { Host, PcRecord, PcState, StoreId } from "@baton/core/handover-state";
import type { Request } from "@baton/core/protocol";
import { formatEntry } from "@baton/core/session";
import type { HandoverPorts } from "./effect-ports.ts";
import type { PostedEvent } from "./run-handover.ts";
import type { HeldSource } from "./sources/source.ts";

/** What the loop gives to its effects. */
export interface EffectLoop {
	post(event: PostedEvent): void;
	/** Looks at a store now, and posts what it shows as the look that was asked for. */
	look(store: StoreId, id: number): Promise<unknown>;
	/** One after the other for each store, so that events follow the looks they came from. */
	inOrder<T>(store: StoreId, step: () => Promise<T>): Promise<T>;
	persist(record: PcRecord, signal: AbortSignal): Promise<void>;
}

type FailingEffect = Extract<
	HandoverEffect,
	{ type: "write-escrow" | "disarm-store" | "restore-store" | "erase-escrow" }
>;

export class EffectRunner {
	readonly linkTroubles = new Map<Host, BatonError>();
	/** Why the last write of each kind failed, until one succeeds. */
	readonly diskTroubles = new Map<FailingEffect["type"], string>();
	readonly #ports: HandoverPorts;
	readonly #loop: EffectLoop;
	readonly #asked = new Set<Host>();
	readonly #stopping = new AbortController();
	#held: HeldSource | undefined;
	#paused = false;

	constructor(ports: HandoverPorts, loop: EffectLoop) {
		this.#ports = ports;
		this.#loop = loop;
	}

	async perform({ state, effects }: HandoverDecision, signal: AbortSignal): Promise<void> {
		for (const effect of effects) {
			if (!(await this.#succeeds(effect, state, signal))) return;
		}
	}

	closeLinks(): void {
		for (const host of this.#asked) this.#ports.link(host).close();
	}

	/** While our own record cannot be written, claude's locks are not held. */
	async pause(): Promise<void> {
		this.#paused = true;
		await this.#held?.release();
		this.#held = undefined;
	}

	resume(): void {
		this.#paused = false;
	}

	/** Lets go of what is held; what was only started comes to nothing. */
	async stop(): Promise<void> {
		this.#stopping.abort(new BatonError("internal", "told to stop"));
		this.closeLinks();
		await this.#held?.release();
	}

	async #succeeds(effect: HandoverEffect, state: PcState, signal: AbortSignal): Promise<boolean> {
		switch (effect.type) {
			case "persist-pc":
				await this.#loop.persist(effect.record, signal);
				return true;
			case "note":
				this.#ports.onNote(effect, state);
				return true;
			case "send":
				void this.#send(effect.host, effect.request);
				return true;
			case "read-store":
				void this.#loop.look(effect.store, effect.id);
				return true;
			case "lock-store":
				void this.#lock(effect.id, effect.store);
				return true;
			case "unlock-store":
				await this.#held?.release();
				this.#held = undefined;
				return true;
			default:
				return await this.#tries(effect);
		}
	}

	async #tries(effect: FailingEffect): Promise<boolean> {
		const fp = effect.type === "write-escrow" ? effect.facts.fp : effect.fp;
		try {
			await this.#run(effect);
			this.diskTroubles.delete(effect.type);
			return true;
		} catch (error) {
			const why = whyOf(error);
			this.diskTroubles.set(effect.type, why);
			this.#loop.post({ type: "effect-failed", effect: effect.type, fp, why });
			// Only what is done under the locks rests on what came before it.
			return effect.type === "erase-escrow";
		}
	}

	async #run(effect: FailingEffect): Promise<void> {
		const { escrow } = this.#ports;
		switch (effect.type) {
			case "write-escrow":
				return await escrow.write(effect.facts, effect.session);
			case "disarm-store":
				await this.#underLock().disarm(effect.fp);
				return this.#loop.post({ type: "disarmed", fp: effect.fp });
			case "restore-store":
				await this.#underLock().restore(await escrow.read(effect.fp));
				return this.#loop.post({ type: "restored", fp: effect.fp });
			case "erase-escrow":
				await escrow.erase(effect.fp);
				return this.#loop.post({ type: "escrow-erased", fp: effect.fp });
		}
	}

	#underLock(): HeldSource {
		if (this.#held === undefined) throw new BatonError("internal", "the store is not locked");
		return this.#held;
	}

	async #lock(id: number, store: StoreId): Promise<void> {
		try {
			const held = await this.#ports.source(store).hold(this.#stopping.signal);
			if (this.#paused) {
				await held.release();
				return this.#loop.post({ type: "store-busy", id });
			}
			this.#held = held;
			// Whoever told us to stop has not waited for this.
			if (this.#stopping.signal.aborted) return await held.release();
			await this.#loop.inOrder(store, async () => {
				const reading = await held
					.read()
					.catch((error: unknown) => ({ kind: "unreadable" as const, why: whyOf(error) }));
				this.#loop.post({ type: "store-locked", id, reading });
			});
		} catch {
			this.#loop.post({ type: "store-busy", id });
		}
	}

	async #send(host: Host, request: OutgoingRequest): Promise<void> {
		this.#asked.add(host);
		try {
			const answer = await this.#ports.link(host).ask(await this.#whole(request));
			this.linkTroubles.delete(host);
			this.#loop.post({ type: "answer", host, answer });
		} catch (error) {
			const trouble =
				error instanceof BatonError ? error : new BatonError("internal", whyOf(error));
			this.linkTroubles.set(host, trouble);
			this.#loop.post({ type: "link-failed", host, requestId: request.id, why: trouble.message });
		}
	}

	/** The tokens are added as they leave, from the only place that has them. */
	async #whole(request: OutgoingRequest): Promise<Request> {
		if (request.type !== "deliver") return request;
		return { ...request, session: formatEntry(await this.#ports.escrow.read(request.fp)) };
	}
}

/** What may be logged of a failure: Baton's own words, or no more than its kind. */
function whyOf(error: unknown): string {
	if (error instanceof BatonError) return error.message;
	return error instanceof Error ? `an unforeseen ${error.name}` : "an unforeseen fault";
}
