/**
 * `batond login`: a login made on this machine by claude itself, in a folder of its own, and taken over
 * from there as any other that lies here. What an earlier run left is taken over first.
 */

import { join } from "node:path";
import { type Reading, readCredentials } from "@baton/core/credentials-file";
import { formatDuration } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type Clock, systemClock } from "@baton/io/clock";
import { findClaude } from "@baton/io/find-claude";
import { claudeEnvironment } from "@baton/io/login-environment";
import { prepareLoginFolder, sweepLoginFolder } from "@baton/io/login-folder";
import { readCredentialsText } from "@baton/io/read-credentials";
import { type ClaudeEnd, runClaude } from "@baton/io/run-claude";
import { claimSingleInstance } from "@baton/io/single-instance";
import { askService } from "./ask-service.ts";
import { atHome } from "./at-home.ts";
import type { CliSurroundings } from "./cli.ts";
import type { NameStatus, ServiceStatus } from "./control-message.ts";
import { claudeSought } from "./engines/claude-program.ts";
import { importLogin } from "./import.ts";
import { loadSettings } from "./load-settings.ts";
import type { Said } from "./said.ts";
import type { Settings } from "./settings.ts";
import { CREDENTIALS_FILE } from "./sinks/sink-place.ts";
import { LOGINS } from "./state-folder.ts";
import type { Places } from "./surroundings.ts";

export interface LoginGiven {
	readonly name: string;
	/** Also if the login that is kept is in good order, or another is on its way. */
	readonly replace: boolean;
	/** claude's program. */
	readonly claude: string | undefined;
	readonly json: boolean;
}

/** @throws BatonError `needs-login` if none was made; `declined`; `service-unavailable`; `interrupted` */
export async function loginCommand(
	given: LoginGiven,
	places: Places,
	surroundings: CliSurroundings,
): Promise<Said> {
	const { name, replace, json } = given;
	const { errors, stop } = surroundings;
	const clock = systemClock;
	const settings = await loadSettings(places.settings);
	const folder = join(places.state, LOGINS, name);
	const path = join(folder, CREDENTIALS_FILE);
	const status = await statusOf(name, places, clock);
	if ((await readingOf(path)).kind === "login") {
		errors.write("a login made here lies there already: no other is needed\n");
	} else {
		if (!replace) assertWanted(status, settings, clock);
		const end = await logIn(given, folder, settings, surroundings);
		if ((await readingOf(path)).kind !== "login") throw without(end);
		if (end.interrupted && end.code !== 0) throw interruptedAfter();
	}
	const request = { v: 1, type: "import", name, path, replace } as const;
	return await importLogin({ stateFolder: places.state, request, json, clock, stop });
}

/** Without a service nobody could take it over. */
async function statusOf(name: string, { state }: Places, clock: Clock): Promise<NameStatus> {
	const answer = await askService(state, { v: 1, type: "status" }, clock);
	const { names } = answer as ServiceStatus;
	const status = names.find((one) => one.name === name);
	if (status !== undefined) return status;
	throw new BatonError("usage", `there is no name ${name}`, {
		hint: `there is: ${names.map((one) => one.name).join(", ")}; others go into batond.json`,
	});
}

async function readingOf(path: string): Promise<Reading> {
	const reading = readCredentials(await readCredentialsText(path));
	if (reading.kind !== "unreadable") return reading;
	throw new BatonError("bad-credentials", `cannot read ${path}: ${reading.why}`, {
		hint: "look at it; without it, batond login makes another",
	});
}

/** What would send a person through a browser for nothing is said before. */
function assertWanted({ state, staged, deadline }: NameStatus, settings: Settings, clock: Clock) {
	const hint = "to replace it all the same: batond login --replace";
	if (staged !== undefined || state === "staged" || state === "verifying") {
		throw new BatonError("declined", "another login is just being taken over", { hint });
	}
	if (state !== "held" && state !== "refreshing") return;
	const left = deadline === undefined ? undefined : deadline - clock.now();
	if (left !== undefined && left <= settings.timing.renewal) return;
	const until = left === undefined ? "" : `, and lasts ${formatDuration(left)} yet`;
	const what = `the login that is kept is in good order${until}: no other was made`;
	throw new BatonError("declined", what, { hint });
}

/** The terminal is claude's until its own end; then nothing half-written is left. */
async function logIn(
	{ claude }: LoginGiven,
	folder: string,
	settings: Settings,
	{ environment, errors, lend }: CliSurroundings,
): Promise<ClaudeEnd> {
	const set = settings.claude === undefined ? undefined : atHome(settings.claude);
	const program = await findClaude(claudeSought(claude ?? set, environment.PATH));
	await prepareLoginFolder(folder);
	const alone = await claimSingleInstance(folder).catch((error: unknown) => {
		const isOther = error instanceof BatonError && error.code === "already-running";
		throw isOther ? anotherLogin() : error;
	});
	try {
		errors.write("claude logs in for this machine's service now\n");
		const end = await runClaude({ program, env: claudeEnvironment(environment, folder), lend });
		// Its question still stands in the line.
		if (end.interrupted) errors.write("\n");
		await sweepLoginFolder(folder);
		return end;
	} finally {
		await alone.release();
	}
}

// Why there is none

function anotherLogin(): BatonError {
	return new BatonError("already-running", "another batond login is waiting for claude", {
		hint: "finish that one, or end it",
	});
}

function without({ code, interrupted }: ClaudeEnd): BatonError {
	const hint = "to try again: batond login";
	if (interrupted) {
		const what = "interrupted before a login was made; nothing was changed";
		return new BatonError("interrupted", what, { hint });
	}
	const how = code === 0 ? "" : `, with exit code ${code}`;
	return new BatonError("needs-login", `claude ended without a login${how}`, { hint });
}

function interruptedAfter(): BatonError {
	return new BatonError("interrupted", "interrupted, but the login was made and is kept", {
		hint: "to take it over: batond login",
	});
}
