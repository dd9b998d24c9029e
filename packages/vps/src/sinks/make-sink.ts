/** A sink as the settings describe it. */

import type { Fingerprint } from "@baton/core/lineage";
import { parseTemplate } from "@baton/core/sink-template";
import type { Clock } from "@baton/io/clock";
import type { Argv } from "@baton/io/run-command";
import { atHome } from "../at-home.ts";
import type { SinkSettings } from "../settings.ts";
import { claudeCodeSink } from "./claude-code.ts";
import { envFileSink } from "./env-file.ts";
import { execSink } from "./exec.ts";
import type { Sink } from "./sink.ts";
import type { SinkMemory } from "./sink-memory.ts";
import { templateSink } from "./template.ts";

export interface SinkContext {
	readonly clock: Clock;
	readonly memory: SinkMemory;
	readonly environment: NodeJS.ProcessEnv;
	isKnown(fp: Fingerprint): boolean;
	/** Whether this file is just being disarmed for an import: what it shows is evidence until then. */
	isDisarming(path: string): boolean;
}

export function makeSink(name: string, settings: SinkSettings, context: SinkContext): Sink {
	switch (settings.type) {
		case "claude-code":
			return claudeCodeSink({ name, configDir: atHome(settings.configDir), ...context });
		case "exec": {
			const { command, timeout: timeoutMs } = settings;
			return execSink({ name, command: command as unknown as Argv, timeoutMs, ...context });
		}
		case "env-file":
			return envFileSink({ ...context, ...settings, name, path: atHome(settings.path) });
		case "template": {
			// By now a `templateFile` has been read into it.
			const template = parseTemplate(settings.template ?? "");
			return templateSink({ ...context, ...settings, name, path: atHome(settings.path), template });
		}
	}
}
