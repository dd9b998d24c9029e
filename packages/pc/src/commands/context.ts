/** What every command gets: settings, places, time, and where to speak. */

import { join, resolve } from "node:path";
import type { Clock } from "@baton/io/clock";
import type { Lend } from "@baton/io/interrupts";
import { createLog, type LogLevel } from "@baton/io/log";
import { batonFolders } from "@baton/io/paths";
import { type LoadedSettings, loadSettings, type SettingsSurroundings } from "../load-settings.ts";
import type { OwnStateOptions } from "../own-state.ts";
import { type StatePlaces, statePlaces } from "../state-folder.ts";
import type { Terminal } from "../terminal.ts";

/** The options that every command has. */
export interface GlobalOptions {
	readonly config: string | undefined;
	readonly state: string | undefined;
	readonly json: boolean;
}

export interface Surroundings extends SettingsSurroundings {
	readonly platform: NodeJS.Platform;
	readonly clock: Clock;
	/** Aborted on Ctrl-C and when the system asks for the end. */
	readonly signal: AbortSignal;
	readonly lend: Lend;
}

export interface CommandContext {
	readonly settings: LoadedSettings;
	readonly configFile: string;
	readonly places: StatePlaces;
	readonly clock: Clock;
	readonly signal: AbortSignal;
	readonly terminal: Terminal;
	readonly json: boolean;
	readonly surroundings: Surroundings;
}

/** @throws BatonError `bad-settings`, `unsafe-path`, `disk-failed` */
export async function commandContext(
	options: GlobalOptions,
	terminal: Terminal,
	surroundings: Surroundings,
): Promise<CommandContext> {
	const { env, clock, signal } = surroundings;
	const folders = batonFolders(surroundings);
	const configFile = resolve(options.config ?? join(folders.config, "config.json"));
	const settings = await loadSettings(configFile, { ...surroundings, env });
	const places = statePlaces(resolve(options.state ?? folders.state));
	return {
		settings,
		configFile,
		places,
		clock,
		signal,
		terminal,
		json: options.json,
		surroundings,
	};
}

/** @param level the lowest that is shown */
export function ownStateOptions(context: CommandContext, level: LogLevel): OwnStateOptions {
	const { settings, configFile, places, clock, terminal, surroundings } = context;
	const log = createLog({ stream: terminal.log, env: surroundings.env, level, clock });
	return { settings, configFile, places, clock, log };
}
