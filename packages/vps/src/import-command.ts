/** What `batond import` and `batond adopt` make of a command line: which login, and whether it is meant. */

import { join, resolve } from "node:path";
import { DAY, formatDuration, parseDuration } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type Clock, systemClock } from "@baton/io/clock";
import { atHome } from "./at-home.ts";
import type { CliSurroundings } from "./cli.ts";
import { confirm } from "./confirm.ts";
import type { ControlRequest } from "./control-message.ts";
import { importLogin } from "./import.ts";
import { isClaudesOwn, readSource } from "./import-source.ts";
import { loadSettings } from "./load-settings.ts";
import { readToken } from "./read-token.ts";
import type { Said } from "./said.ts";
import type { Settings } from "./settings.ts";
import { CREDENTIALS_FILE } from "./sinks/sink-place.ts";
import type { Places } from "./surroundings.ts";

/** A file, or a setup token on standard input and how long it lives, as given: `365d`. */
export type ImportSource = { readonly file: string } | { readonly lives: string };

export interface ImportGiven {
	readonly name: string;
	readonly replace: boolean;
	readonly yes: boolean;
	readonly json: boolean;
}

export async function importCommand(
	source: ImportSource,
	given: ImportGiven,
	places: Places,
	surroundings: CliSurroundings,
): Promise<Said> {
	const { stop } = surroundings;
	const clock = systemClock;
	const settings = await loadSettings(places.settings);
	const request =
		"file" in source
			? await fileRequest(resolve(source.file), given, settings, surroundings, clock)
			: await tokenRequest(source.lives, given, surroundings, clock);
	return await importLogin({ stateFolder: places.state, request, json: given.json, clock, stop });
}

/** The login that somebody made where a sink writes. @throws BatonError `usage` if it is not clear which */
export async function adoptCommand(
	named: string | undefined,
	given: ImportGiven,
	places: Places,
	surroundings: CliSurroundings,
): Promise<Said> {
	const settings = await loadSettings(places.settings);
	const folders = claudeFolders(settings, given.name);
	const sink = named ?? (folders.size === 1 ? [...folders.keys()][0] : undefined);
	const folder = sink === undefined ? undefined : folders.get(sink);
	if (folder === undefined) {
		const known = [...folders.keys()].join(", ");
		const what =
			sink === undefined ? "name a sink" : `${given.name} has no claude-code sink ${sink}`;
		throw new BatonError("usage", what, {
			hint: known === "" ? "none is in batond.json" : `there is: ${known}`,
		});
	}
	const file = join(folder, CREDENTIALS_FILE);
	return await importCommand({ file }, given, places, surroundings);
}

async function fileRequest(
	path: string,
	{ name, replace, yes }: ImportGiven,
	settings: Settings,
	{ input, errors }: CliSurroundings,
	clock: Clock,
): Promise<ControlRequest & { type: "import" }> {
	const { session } = await readSource(path);
	const { account, deadline } = session;
	const whose = account === undefined ? "" : `, of account ${account}`;
	const left = deadline === undefined ? "" : `, ends in ${formatDuration(deadline - clock.now())}`;
	const question = [
		`takes over the login in ${path}${whose}${left}`,
		"its refresh token goes to batond, and none stays in that file",
		consequence(path, name, settings),
		"go on",
	].join("\n");
	if (!(await confirm(question, { input, errors, yes }))) {
		throw new BatonError("declined", "nothing was done", { hint: "answer y to go on" });
	}
	return { v: 1, type: "import", name, path, replace };
}

/** Who may be using the login there now, and how they fare after. */
function consequence(path: string, name: string, settings: Settings): string {
	if (!isClaudesOwn(path)) {
		return "whatever refreshes it from there, a plugin perhaps, has to be switched off first";
	}
	const served = [...claudeFolders(settings, name)].find(
		([, folder]) => join(folder, CREDENTIALS_FILE) === path,
	);
	if (served !== undefined) {
		return `claude there goes on with the access tokens of sink ${served[0]}`;
	}
	return "claude there ends with its access token: no sink of this name writes to that folder";
}

/** Folders of the claude-code sinks of a name, by sink. */
function claudeFolders({ names }: Settings, name: string): Map<string, string> {
	const sinks = Object.entries(names[name]?.sinks ?? {});
	return new Map(
		sinks.flatMap(([sink, about]): [string, string][] =>
			about.type === "claude-code" ? [[sink, atHome(about.configDir)]] : [],
		),
	);
}

async function tokenRequest(
	lives: string,
	{ name, replace }: ImportGiven,
	{ input }: CliSurroundings,
	clock: Clock,
): Promise<ControlRequest & { type: "import-token" }> {
	const livesMs = parseDuration(lives);
	if (livesMs === undefined || livesMs < DAY) {
		throw new BatonError("usage", `--lives ${lives} is no duration of a day or more`, {
			hint: 'a setup token lives for a year from when it was made: "365d"',
		});
	}
	const token = await readToken(input, clock);
	return { v: 1, type: "import-token", name, token, expiresAt: clock.now() + livesMs, replace };
}
