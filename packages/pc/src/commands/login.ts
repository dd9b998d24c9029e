/** `baton login HOST`: a new dedicated login for one host, made by claude itself, and handed over. */

import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { EMPTY_PC_RECORD, type Host } from "@baton/core/handover-state";
import { findClaude } from "@baton/io/find-claude";
import { claudeEnvironment } from "@baton/io/login-environment";
import { prepareLoginFolder, sweepLoginFolder } from "@baton/io/login-folder";
import { type ClaudeEnd, runClaude } from "@baton/io/run-claude";
import { claimSingleInstance } from "@baton/io/single-instance";
import { readState } from "@baton/io/state-file";
import { assertKnownHost, assertReadable } from "../hand-over.ts";
import { SshLink } from "../link/ssh-link.ts";
import type { LoadedSettings } from "../load-settings.ts";
import { askHost } from "../login/ask-host.ts";
import { type Look, whatAppeared, whatIsThere } from "../login/look-for-login.ts";
import { exitOf, type Outcome } from "../outcome.ts";
import { PC_RECORD_FORMAT } from "../pc-record.ts";
import { fileSource } from "../sources/file-source.ts";
import { ask, tellOutcomes } from "./ask.ts";
import type { CommandContext } from "./context.ts";

export interface LoginArguments {
	readonly host: string;
	/** Also if the login the host has is in good order, or another is on its way there. */
	readonly replace: boolean;
	/** Also if it cannot be handed over now. */
	readonly anyway: boolean;
	/** The program. */
	readonly claude: string | undefined;
}

export async function loginCommand(
	asked: LoginArguments,
	context: CommandContext,
): Promise<ExitCode> {
	const { host } = asked;
	const { settings, terminal } = context;
	assertKnownHost(host, Object.keys(settings.hosts));
	const before = await look(host, context);
	assertReadable(before.reading);
	const there = whatIsThere(host, before);
	if (there === "in-folder" || there === "under-way") {
		terminal.err(`a login made for ${host} is there already: no other is needed`);
		return tell(host, await handOn(host, context), context);
	}
	const program = await wanted(asked, context);
	if (there === "own") {
		terminal.err("the login in its folder, declined or taken back, makes way for the new one");
	}
	const end = await logIn(host, program, context);
	const outcome = await whatCame(host, before, end, context);
	return tell(host, outcome, context);
}

/**
 * What would send a person through a browser for nothing is said before.
 *
 * @returns claude's program
 * @throws BatonError `command-failed`, `declined`, and why the host cannot be asked
 */
async function wanted(
	{ host, replace, anyway, claude }: LoginArguments,
	{ settings, surroundings, clock, terminal }: CommandContext,
): Promise<string> {
	const { env, platform } = surroundings;
	const named = claude ?? settings.claude;
	const program = await findClaude({ named, path: env.PATH ?? env.Path, platform });
	if (platform === "darwin" && !anyway) throw intoTheKeychain(host);
	terminal.err(`asking ${host}`);
	const { link: limits } = settings;
	const address = addressOf(host, settings);
	const link = new SshLink(address, limits, clock);
	const objection = await askHost(host, address.name, link, clock.now());
	const overruled = objection?.why === "unreachable" ? anyway : replace;
	if (objection !== undefined && !overruled) throw objection.error;
	return program;
}

function addressOf(host: Host, { hosts }: LoadedSettings) {
	const address = hosts[host];
	if (address === undefined) throw new BatonError("internal", `no settings for host ${host}`);
	return address;
}

/** The terminal is claude's until its own end; then nothing half-written is left. */
async function logIn(
	host: Host,
	program: string,
	{ places, terminal, surroundings }: CommandContext,
): Promise<ClaudeEnd> {
	const folder = places.login(host);
	await prepareLoginFolder(folder);
	const alone = await claimSingleInstance(folder).catch((error: unknown) => {
		const isOther = error instanceof BatonError && error.code === "already-running";
		throw isOther ? anotherLogin(host) : error;
	});
	try {
		terminal.err(`claude logs in for ${host} now; this PC's own login stays as it is`);
		const env = claudeEnvironment(surroundings.env, folder);
		const end = await runClaude({ program, env, lend: surroundings.lend });
		// Its question still stands in the line.
		if (end.interrupted) terminal.err("");
		await sweepLoginFolder(folder);
		return end;
	} finally {
		await alone.release();
	}
}

/** @throws BatonError `needs-login` if no login came; `interrupted` */
async function whatCame(
	host: Host,
	before: Look,
	end: ClaudeEnd,
	context: CommandContext,
): Promise<Outcome> {
	const after = await look(host, context);
	assertReadable(after.reading);
	const appeared = whatAppeared(host, before, after);
	if (appeared === "nothing") throw end.interrupted ? interrupted(host) : withoutLogin(host, end);
	// A watcher has handed it over meanwhile.
	if (appeared !== "here") return appeared;
	if (end.interrupted && end.code !== 0) throw interruptedAfter(host);
	const outcome = await handOn(host, context);
	if (outcome.result !== "no-login") return outcome;
	const now = whatAppeared(host, before, await look(host, context));
	return typeof now === "string" ? outcome : now;
}

async function look(host: Host, { places, clock }: CommandContext): Promise<Look> {
	const configDir = places.login(host);
	const reading = await fileSource({ configDir, disarmBy: "remove-entry", clock }).read();
	const record = (await readState(places.record, PC_RECORD_FORMAT)) ?? EMPTY_PC_RECORD;
	return { reading, record };
}

/** As a watcher does it with each login in such a folder: it replaces the one that the host has. */
async function handOn(host: Host, context: CommandContext): Promise<Outcome> {
	const request = {
		v: 1 as const,
		type: "handover" as const,
		host,
		store: "dedicated" as const,
		replace: true,
		nextLogin: false,
		follow: true,
	};
	const [outcome] = await ask(request, context);
	return outcome ?? { result: "forgotten", host };
}

function tell(host: Host, outcome: Outcome, context: CommandContext): ExitCode {
	const follows = context.settings.hosts[host]?.login === "follow-login";
	const exit = exitOf(outcome);
	const named = follows ? ("dedicated" as const) : undefined;
	tellOutcomes([outcome], exit === EXIT.well, context, { named, store: "dedicated" });
	return exit;
}

// Why there is none

function intoTheKeychain(host: Host): BatonError {
	const message = "claude on macOS keeps its login in the Keychain, which baton cannot read yet";
	return new BatonError("command-failed", message, {
		hint: `where claude falls back to a file: baton login ${host} --anyway`,
	});
}

function anotherLogin(host: Host): BatonError {
	return new BatonError("already-running", `another baton login ${host} is waiting for claude`, {
		hint: "finish that one, or end it",
	});
}

function withoutLogin(host: Host, { code }: ClaudeEnd): BatonError {
	const how = code === 0 ? "" : `, with exit code ${code}`;
	return new BatonError("needs-login", `claude ended without a login for ${host}${how}`, {
		hint: `nothing was changed; to try again: baton login ${host}`,
	});
}

function interrupted(host: Host): BatonError {
	return new BatonError("interrupted", "interrupted before a login was made; nothing was changed", {
		hint: `to try again: baton login ${host}`,
	});
}

function interruptedAfter(host: Host): BatonError {
	const message = `interrupted, but the login for ${host} was made and lies in its folder`;
	return new BatonError("interrupted", message, {
		hint: `baton watch hands it over, and so does: baton login ${host}`,
	});
}
