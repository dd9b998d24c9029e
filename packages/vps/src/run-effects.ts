/**
 * Performs what a custody decision asks for, strictly in order: each effect is done before the next
 * begins, except those that are only started and whose outcome comes back as an event.
 */

import type { AskVerdict } from "@baton/core/ask-verdict";
import type { CustodyRecord, ServedToken } from "@baton/core/custody-state";
import type { CustodyEvent } from "@baton/core/decide-custody";
import type { CustodyEffect, NamedCopy, Note } from "@baton/core/effect";
import type { DisarmOutcome } from "@baton/core/import-login";
import type { AnswerBody } from "@baton/core/protocol";
import type { RevokeVerdict } from "@baton/core/revoke-verdict";
import type { Engine } from "./engines/engine.ts";
import type { Wanted } from "./import-source.ts";
import type { Probe } from "./probe.ts";
import type { SinkProof } from "./publisher.ts";
import type { Revoker } from "./revoker.ts";

/** What comes back of a started effect, before chance is added. */
export type StartedOutcome =
	Extract<CustodyEvent, { id: number }> extends infer E
		? E extends { random: number }
			? Omit<E, "random">
			: never
		: never;

/** What the effects act upon. */
export interface EffectPorts {
	readonly engine: Engine;
	readonly probe: Probe;
	/** Whether so long has gone by since the decision that its intent's date says nothing any more. */
	isStale(): boolean;
	/** Resolves once the record is durable, however long that takes. */
	persist(record: CustodyRecord): Promise<void>;
	publish(token: ServedToken): void;
	clearSinks(): void;
	readonly revoke: Revoker;
	proveSinks(): Promise<SinkProof>;
	answer(key: string, body: AnswerBody, disarm: readonly NamedCopy[]): void;
	tellVerdict(key: string, verdict: AskVerdict): void;
	tellRevocation(key: string, verdict: RevokeVerdict): void;
	disarmSource(path: string, wanted: Wanted): Promise<DisarmOutcome>;
	note(note: Note): void;
	/** Runs beside everything else and posts its outcome as an event. */
	start(work: Promise<StartedOutcome>): void;
}

export async function runEffects(
	effects: readonly CustodyEffect[],
	ports: EffectPorts,
): Promise<void> {
	for (const effect of effects) await runEffect(effect, ports);
}

async function runEffect(effect: CustodyEffect, ports: EffectPorts): Promise<void> {
	switch (effect.type) {
		case "persist":
			return await ports.persist(effect.record);
		case "publish":
			return ports.publish(effect.token);
		case "answer":
			return ports.answer(effect.key, effect.body, effect.disarm);
		case "verdict":
			return ports.tellVerdict(effect.key, effect.verdict);
		case "revocation":
			return ports.tellRevocation(effect.key, effect.verdict);
		case "clear-sinks":
			return ports.clearSinks();
		case "note":
			return ports.note(effect);
		default:
			return ports.start(outcomeOf(effect, ports));
	}
}

async function outcomeOf(
	effect: Extract<CustodyEffect, { id: number }>,
	{ engine, probe, revoke, proveSinks, disarmSource, isStale }: EffectPorts,
): Promise<StartedOutcome> {
	const { id } = effect;
	switch (effect.type) {
		case "probe":
			return { type: "probed", id, outcome: await probe(effect.accessToken) };
		case "revoke":
			return { type: "revoked", id, outcome: await revoke(effect.session) };
		case "prove-sinks":
			return { type: "sinks-proved", id, ...(await proveSinks()) };
		case "harvest":
			return { type: "harvested", id, outcome: await engine.harvest(effect.fp) };
		case "disarm-source":
			return { type: "source-disarmed", id, outcome: await disarmSource(effect.path, effect) };
		case "refresh":
			// Journaling took long, on a full disk perhaps: another one, with a date that is true.
			if (isStale()) return { type: "refreshed", id, outcome: { kind: "not-sent" } };
			return { type: "refreshed", id, outcome: await engine.refresh(effect.session) };
	}
}
