/** The env files and templates that a host's settings name: files that a sink keeps for others. */
import { join } from "node:path";
import { systemClock } from "@baton/io/clock";
import { type SinkSettings, settingsSchema } from "../../packages/vps/src/settings.ts";
import { makeSink } from "../../packages/vps/src/sinks/make-sink.ts";
import type { Sink } from "../../packages/vps/src/sinks/sink.ts";
import type { SinkMemory } from "../../packages/vps/src/sinks/sink-memory.ts";

export interface KeptFile {
	/** Below the VPS's folder, which is its home. */
	readonly path: string;
	readonly mode: number;
	readonly settings: Extract<SinkSettings, { type: "env-file" | "template" }>;
}

/** @param settings the text of `batond.json` */
export function keptFiles(settings: string): KeptFile[] {
	const { names } = settingsSchema.parse(JSON.parse(settings));
	return Object.values(names).flatMap(({ sinks }) =>
		Object.values(sinks).flatMap((sink): KeptFile[] => {
			if (sink.type !== "env-file" && sink.type !== "template") return [];
			return [{ path: join(sink.path.replace(/^~\//, "")), mode: sink.mode, settings: sink }];
		}),
	);
}

/** @param path where it lies now */
export function keptSink({ settings }: KeptFile, path: string, memory: SinkMemory): Sink {
	return makeSink(
		settings.type,
		{ ...settings, path },
		{
			clock: systemClock,
			memory,
			environment: {},
			isKnown: () => false,
			isDisarming: () => false,
		},
	);
}
