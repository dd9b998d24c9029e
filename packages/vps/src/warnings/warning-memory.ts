/** What people were told of, and what they have yet to be: kept, so that a restart neither repeats nor loses it. */

import { NO_WARNINGS, type WarningMemory } from "@baton/core/decide-warnings";
import { readState, type StateFormat, writeState } from "@baton/io/state-file";
import * as z from "zod/mini";

const text = z.string();

const message = z.object({
	id: text,
	kind: z.enum(["warning", "over"]),
	name: text,
	what: text,
	text,
	next: z.optional(text),
	at: z.number(),
});

const memory = z.object({
	told: z.record(text, z.object({ news: text, name: text, what: text, over: text })),
	outboxes: z.record(text, z.object({ messages: z.array(message), missed: z.int() })),
}) satisfies z.ZodMiniType<WarningMemory>;

const FORMAT: StateFormat<WarningMemory> = {
	format: "batond-warnings",
	version: 1,
	parse: (data) => memory.parse(data),
};

export interface WarningStore {
	/** @throws BatonError `bad-state` for a damaged or newer file, which is left as it is */
	load(): Promise<WarningMemory>;
	/** Durable on return. @throws BatonError `disk-failed`, `unsafe-path` */
	save(memory: WarningMemory): Promise<void>;
}

export function warningStore(file: string): WarningStore {
	return {
		load: async () => (await readState(file, FORMAT)) ?? NO_WARNINGS,
		save: async (memory) => await writeState(file, FORMAT, memory),
	};
}
