/** The warner of a service, by its settings and on what it remembers. */

import { hostname } from "node:os";
import { join } from "node:path";
import { NO_WARNINGS, type WarningMemory } from "@baton/core/decide-warnings";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import type { Log } from "@baton/io/log";
import type { Route } from "../engines/route.ts";
import type { Settings } from "../settings.ts";
import { WARNINGS } from "../state-folder.ts";
import { makeOutlet } from "./make-outlet.ts";
import { Warner, type WarnerOptions } from "./warner.ts";
import { type WarningStore, warningStore } from "./warning-memory.ts";

export interface WarnerSurroundings extends Pick<WarnerOptions, "matters"> {
	readonly settings: Settings;
	readonly stateFolder: string;
	readonly environment: NodeJS.ProcessEnv;
	/** As it is to the provider. */
	readonly route: Route;
	readonly clock: Clock;
	readonly log: Log;
}

export async function openWarner(surroundings: WarnerSurroundings): Promise<Warner> {
	const { settings, stateFolder, environment, route, clock, log, matters } = surroundings;
	const outlets = Object.entries(settings.warnings).map(([name, about]) =>
		makeOutlet(name, about, { environment, route, clock }),
	);
	const store = warningStore(join(stateFolder, WARNINGS));
	const memory = await remembered(store, log);
	return new Warner({ outlets, store, memory, matters, host: hostname(), clock, log });
}

/** A login does not wait for this: at worst something is told twice. */
async function remembered(store: WarningStore, log: Log): Promise<WarningMemory> {
	try {
		return await store.load();
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		log.failure("what was warned of cannot be read, and is begun anew", error);
		return NO_WARNINGS;
	}
}
