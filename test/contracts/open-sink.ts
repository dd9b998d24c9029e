/** A sink as `batond.json` describes it. */
import { fingerprint } from "@baton/core/lineage";
import { Secret } from "@baton/core/secret";
import { setupTokenSession } from "@baton/core/session";
import { systemClock } from "@baton/io/clock";
import { settingsSchema } from "../../packages/vps/src/settings.ts";
import { makeSink } from "../../packages/vps/src/sinks/make-sink.ts";
import type { AccessToken, Sink } from "../../packages/vps/src/sinks/sink.ts";
import { openSinkMemory, type SinkMemory } from "../../packages/vps/src/sinks/sink-memory.ts";

export interface OpenSink {
	/** One entry of `sinks`. */
	readonly settings: Record<string, unknown>;
	/** The file that remembers what was written, or the memory itself. */
	readonly memory: string | SinkMemory;
	isKnown?(fp: string): boolean;
	isDisarming?(path: string): boolean;
}

export async function openSink({
	settings,
	memory,
	isKnown = () => false,
	isDisarming = () => false,
}: OpenSink): Promise<Sink> {
	const { names } = settingsSchema.parse({ names: { default: { sinks: { s: settings } } } });
	const parsed = names.default?.sinks.s;
	if (parsed === undefined) throw new Error("no such sink");
	return makeSink("s", parsed, {
		clock: systemClock,
		memory: typeof memory === "string" ? await openSinkMemory(memory) : memory,
		environment: { PATH: process.env.PATH },
		isKnown,
		isDisarming,
	});
}

export function accessToken(text: string, generation = 1): AccessToken {
	const session = {
		...setupTokenSession(new Secret(text), 1_900_000_000_000),
		refreshToken: undefined,
		scopes: ["user:inference", "user:profile"],
		rest: { subscriptionType: "max", rateLimitTier: "t5" },
	};
	return { name: "default", session, accessFp: fingerprint(session.accessToken), generation };
}
