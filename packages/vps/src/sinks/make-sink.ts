/** A sink as the settings describe it. */

import { homedir } from "node:os";
import { join } from "node:path";
import type { Fingerprint } from "@baton/core/lineage";
import type { Clock } from "@baton/io/clock";
import type { Argv } from "@baton/io/run-command";
import type { SinkSettings } from "../settings.ts";
import { claudeCodeSink } from "./claude-code.ts";
import { execSink } from "./exec.ts";
import type { Sink } from "./sink.ts";
import type { SinkMemory } from "./sink-memory.ts";

export interface SinkContext {
	readonly clock: Clock;
	readonly memory: SinkMemory;
	readonly environment: NodeJS.ProcessEnv;
	isKnown(fp: Fingerprint): boolean;
}

export function makeSink(name: string, settings: SinkSettings, context: SinkContext): Sink {
	switch (settings.type) {
		case "claude-code":
			return claudeCodeSink({ name, configDir: atHome(settings.configDir), ...context });
		case "exec": {
			const { command, timeout: timeoutMs } = settings;
			return execSink({ name, command: command as unknown as Argv, timeoutMs, ...context });
		}
	}
}

function atHome(path: string): string {
	return path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
}
