/**
 * Starts the official claude so that it refreshes the login in its folder and has all the time it needs.
 *
 * `claude mcp serve` refreshes as it starts, asks the provider for nothing but the profile, and stays
 * until its standard input ends. `claude auth status` refreshes too, but gives a provider 8.5 s, then ends
 * in the middle of it (2.1.330): an answer that takes longer would be lost, and with it the login.
 *
 * Its standard input is held open by a `sleep` that neither a stop nor a crash of this service ends, so
 * that claude can wait for as long as it does by itself, half a minute.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { BatonError } from "@baton/core/error";
import { livesStill, type RunProcess, runProcess } from "./run-record.ts";

const ARGUMENTS = ["mcp", "serve"];

export interface ClaudeStart {
	readonly program: string;
	/** claude's configuration folder. */
	readonly config: string;
	readonly log: string;
	/** What claude may see of the service's environment. */
	readonly environment: Readonly<Record<string, string>>;
}

export interface Holder {
	readonly process: RunProcess;
	readonly output: Readable;
}

/**
 * @param seconds after which claude's standard input ends whatever happens
 * @throws BatonError `command-failed`
 */
export function startHolder(
	seconds: number,
	{ PATH = "" }: Readonly<Record<string, string>>,
): Holder {
	const child = sleeping(seconds, PATH);
	// Said later, and again: what counts is that there is no process.
	child?.on("error", () => {});
	child?.unref();
	if (child?.pid === undefined) throw new BatonError("command-failed", "cannot start sleep");
	return { process: runProcess(child.pid), output: child.stdout };
}

/** Undefined if the system refuses outright. */
function sleeping(seconds: number, PATH: string) {
	try {
		return spawn("sleep", [String(seconds)], {
			env: { PATH },
			stdio: ["ignore", "pipe", "ignore"],
			detached: true,
		});
	} catch {
		return undefined;
	}
}

/** Lets claude end by itself: it sees the end of its input. */
export function letGo(holder: RunProcess | undefined): void {
	if (holder === undefined || !livesStill(holder)) return;
	try {
		process.kill(holder.pid, "SIGTERM");
	} catch {
		// It has ended.
	}
}

export interface ClaudeProcess {
	readonly pid: number;
	/** Resolves at its end. */
	readonly exit: Promise<"exited">;
}

/** Undefined if it cannot be started. */
export function startClaude(start: ClaudeStart, holder: Holder): ClaudeProcess | undefined {
	const child = spawned(start, holder);
	child?.on("error", () => {});
	if (child?.pid === undefined) return undefined;
	const exit = new Promise<"exited">((resolve) => child.once("exit", () => resolve("exited")));
	return { pid: child.pid, exit };
}

/** Undefined if the system refuses outright. */
function spawned(
	{ program, config, log, environment }: ClaudeStart,
	{ output }: Holder,
): ChildProcess | undefined {
	try {
		const child = spawn(program, ["--debug-file", log, ...ARGUMENTS], {
			cwd: config,
			env: { ...environment, ...environmentIn(config) },
			// What it prints tells nothing that its folder does not.
			stdio: [output, "ignore", "ignore"],
			// A session of its own: what ends this service does not end it.
			detached: true,
		});
		child.unref();
		return child;
	} catch {
		return undefined;
	} finally {
		output.destroy();
	}
}

function environmentIn(config: string): Record<string, string> {
	return {
		HOME: config,
		CLAUDE_CONFIG_DIR: config,
		DISABLE_AUTOUPDATER: "1",
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
	};
}
