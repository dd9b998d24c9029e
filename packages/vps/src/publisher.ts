/**
 * Gives one name's access tokens to its sinks. Each sink is written, retried and paused on its own; a
 * slow one holds up no other.
 */

import type { ServedToken } from "@baton/core/custody-state";
import { decidePublish, nextWrite } from "@baton/core/decide-publish";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Fingerprint } from "@baton/core/lineage";
import type { PublishEffect, PublishEvent, SinkNote } from "@baton/core/publish-event";
import {
	type PauseReason,
	type PublishState,
	replaceSinks,
	type StartPublish,
	startPublish,
} from "@baton/core/publish-state";
import { nextLook } from "@baton/core/settle-look";
import type { Clock } from "@baton/io/clock";
import type { HeardNote } from "./heard-note.ts";
import { howToResume, type SinkReport, sinkReports } from "./sink-report.ts";
import { accessOnly, type Sink } from "./sinks/sink.ts";

export interface PublisherOptions {
	/** The custody name. */
	readonly name: string;
	readonly sinks: readonly Sink[];
	readonly clock: Clock;
	/** Between two looks at each sink that can be looked at, ms. */
	readonly lookEvery: number;
	/** Every sink that is not paused holds this access token. */
	onConfirmed(access: Fingerprint): void;
	onNote(note: HeardNote): void;
	/** A write or a look has come to its end, well or not. */
	onSettled(): void;
}

/** How many sinks could be written, of how many that are wanted. */
export interface SinkProof {
	readonly writable: number;
	readonly total: number;
}

type Proof = "writable" | "not-writable" | "unwanted";

/** A disk that does not answer, as a network one may, holds up nobody's refresh for longer than this. */
const LONGEST_PROOF = 30 * SECOND;

export class Publisher {
	readonly #options: PublisherOptions;
	#sinks: ReadonlyMap<string, Sink>;
	/** What a person can do about each sink's last failure. */
	readonly #hints = new Map<string, string | undefined>();
	#state: PublishState;
	#writing = 0;
	/** Begun, and not answered yet. */
	readonly #proofs = new Map<Sink, Promise<Proof>>();

	constructor(options: PublisherOptions) {
		this.#options = options;
		this.#sinks = byName(options.sinks);
		this.#state = startPublish(wantedOf(options.sinks, options.lookEvery));
	}

	/** @param sinks those that are what they were are the same objects */
	adjust(sinks: readonly Sink[], lookEvery: number): void {
		const kept = sinks.filter((sink) => this.#sinks.get(sink.name) === sink);
		const names = kept.map(({ name }) => name);
		this.#sinks = byName(sinks);
		for (const name of [...this.#hints.keys()]) if (!names.includes(name)) this.#hints.delete(name);
		this.#state = replaceSinks(this.#state, { ...wantedOf(sinks, lookEvery), kept: names });
		this.tick();
	}

	/** How each sink fares, as people are told. */
	get reports(): readonly SinkReport[] {
		return sinkReports(this.#state, this.#hints);
	}

	/** Whether any sink is being written at this moment. */
	get busy(): boolean {
		return this.#writing > 0;
	}

	/** When `tick` is wanted, wall-clock ms; infinity if it is not. */
	get wakeAt(): number {
		return Math.min(this.nextWriteAt, nextLook(this.#state));
	}

	/** When a token is next to be written, wall-clock ms; infinity if none is. */
	get nextWriteAt(): number {
		return nextWrite(this.#state);
	}

	/** @param token durable by now */
	publish(token: ServedToken): void {
		this.#handle({ type: "token", token });
	}

	/** No sink is to hold anything of ours. */
	clear(): void {
		this.#handle({ type: "clear" });
	}

	tick(): void {
		this.#handle({ type: "tick" });
	}

	/** A sink that is paused, or that a look shows should be, is not asked: no token waits for it. */
	async prove(): Promise<SinkProof> {
		const proofs = await Promise.all(
			[...this.#sinks.values()].map((sink) => this.#proveInTime(sink)),
		);
		const wanted = proofs.filter((proof) => proof !== "unwanted");
		return {
			writable: wanted.filter((proof) => proof === "writable").length,
			total: wanted.length,
		};
	}

	async #proveInTime(sink: Sink): Promise<Proof> {
		const over = new AbortController();
		const late = this.#options.clock.sleep(LONGEST_PROOF, over.signal).then(
			() => "late" as const,
			() => "late" as const,
		);
		const proof = await Promise.race([this.#proofOf(sink), late]);
		over.abort();
		if (proof !== "late") return proof;
		if (!this.#isWanted(sink) || this.#isPaused(sink)) return "unwanted";
		const why = `gave no answer for ${LONGEST_PROOF / SECOND} s`;
		this.#handle({ type: "proved", sink: sink.name, why });
		return "not-writable";
	}

	/** One that has not answered is not asked again: each question that hangs costs a thread. */
	#proofOf(sink: Sink): Promise<Proof> {
		const begun = this.#proofs.get(sink);
		if (begun !== undefined) return begun;
		const proof = this.#prove(sink).finally(() => this.#proofs.delete(sink));
		this.#proofs.set(sink, proof);
		return proof;
	}

	async #prove(sink: Sink): Promise<Proof> {
		const { token } = this.#state;
		if (!this.#isPaused(sink) && sink.look !== undefined) await this.#look(sink.name, token);
		if (this.#isPaused(sink)) return "unwanted";
		const why = await sink.prove().then(
			() => undefined,
			(error: unknown) => this.#failure(sink, error),
		);
		if (!this.#isWanted(sink)) return "unwanted";
		this.#handle({ type: "proved", sink: sink.name, why });
		return why === undefined ? "writable" : "not-writable";
	}

	/** Why a sink failed; what can be done about it is kept. */
	#failure(sink: Sink, error: unknown): string {
		const hint = error instanceof BatonError ? error.hint : undefined;
		if (this.#isWanted(sink)) this.#hints.set(sink.name, hint);
		return reasonOf(error);
	}

	/** Other settings may have put another one in its place meanwhile, or none. */
	#isWanted(sink: Sink): boolean {
		return this.#sinks.get(sink.name) === sink;
	}

	#isPaused({ name }: Sink): boolean {
		return this.#state.sinks[name]?.paused !== undefined;
	}

	#handle(event: PublishEvent): void {
		const { state, effects } = decidePublish(this.#state, event, this.#options.clock.now());
		this.#state = state;
		for (const effect of effects) this.#perform(effect);
	}

	#perform(effect: PublishEffect): void {
		switch (effect.type) {
			case "confirm":
				return this.#options.onConfirmed(effect.access);
			case "note":
				return this.#tell(effect);
			case "look-at-sink":
				void this.#look(effect.sink, effect.token).then(() => this.#options.onSettled());
				return;
			case "clear-sink":
				void this.#clear(effect.sink).then(() => this.#options.onSettled());
				return;
			case "write-sink":
				void this.#write(effect.sink, effect.token);
		}
	}

	#tell(note: SinkNote): void {
		const hint = this.#hintOf(note);
		this.#options.onNote({ ...note, ...(hint === undefined ? {} : { hint }) });
	}

	/** Never throws: what a sink throws is a failure of that sink. */
	async #write(name: string, token: ServedToken): Promise<void> {
		const sink = this.#sinks.get(name);
		if (sink === undefined) return;
		this.#writing += 1;
		const event = await this.#outcomeOf(sink, token);
		this.#writing -= 1;
		if (this.#isWanted(sink)) this.#handle(event);
		this.#options.onSettled();
	}

	async #outcomeOf(sink: Sink, token: ServedToken): Promise<PublishEvent> {
		const access = token.accessFp;
		const { name } = sink;
		try {
			const outcome = await sink.write(accessOnly(this.#options.name, token));
			if (outcome.kind === "stepped-back") {
				return { type: "stepped-back", sink: name, access, reason: outcome.reason };
			}
			if (outcome.disarmed !== undefined) this.#warnOfCopy(name, outcome.disarmed);
			return { type: "written", sink: name, access };
		} catch (error) {
			const random = this.#options.clock.random();
			return { type: "failed", sink: name, access, why: this.#failure(sink, error), random };
		}
	}

	/** Never throws. */
	async #clear(name: string): Promise<void> {
		const sink = this.#sinks.get(name);
		this.#writing += 1;
		const event = await this.#clearance(name, sink);
		this.#writing -= 1;
		if (sink === undefined || this.#isWanted(sink)) this.#handle(event);
	}

	async #clearance(name: string, sink: Sink | undefined): Promise<PublishEvent> {
		if (sink?.clear === undefined) return { type: "cleared", sink: name, how: "impossible" };
		try {
			return { type: "cleared", sink: name, how: await sink.clear() };
		} catch (error) {
			const random = this.#options.clock.random();
			return { type: "clear-failed", sink: name, why: this.#failure(sink, error), random };
		}
	}

	/** Never throws: what cannot be looked at is unreadable. */
	async #look(name: string, token: ServedToken | undefined): Promise<void> {
		const sink = this.#sinks.get(name);
		const access = token?.accessFp;
		const given = token === undefined ? undefined : accessOnly(this.#options.name, token);
		const seen = await sink?.look?.(given).catch(() => "unreadable" as const);
		if (sink === undefined || seen === undefined || !this.#isWanted(sink)) return;
		this.#handle({ type: "looked", sink: name, access, seen });
	}

	#hintOf({ sink, what, level, reason }: SinkNote): string | undefined {
		if (what === "sink-paused") return howToResume(sink, reason as PauseReason);
		if (level === "info") return undefined;
		return this.#hints.get(sink) ?? "it is tried again by itself: batond status";
	}

	#warnOfCopy(sink: string, fp: Fingerprint): void {
		const reason = `it lay at sink ${sink}`;
		this.#options.onNote({ type: "note", level: "warn", what: "copy-disarmed", fp, sink, reason });
	}
}

function byName(sinks: readonly Sink[]): ReadonlyMap<string, Sink> {
	return new Map(sinks.map((sink) => [sink.name, sink]));
}

function wantedOf(sinks: readonly Sink[], lookEvery: number): StartPublish {
	const looks = sinks.filter((sink) => sink.look !== undefined);
	return {
		sinks: sinks.map(({ name }) => name),
		looks: looks.map(({ name }) => name),
		lookEvery,
	};
}

/** Only our own errors are known to name no secret. */
function reasonOf(error: unknown): string {
	return error instanceof BatonError ? error.message : "failed for an unknown reason";
}
