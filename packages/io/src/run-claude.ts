/** Runs `claude auth login` in the person's own terminal and waits for its own end. */

import { type ChildProcess, spawn } from "node:child_process";
import { BatonError } from "@baton/core/error";
import { errnoOf } from "./disk-error.ts";
import type { Lend } from "./interrupts.ts";

export interface ClaudeRun {
	readonly program: string;
	/** All of it. */
	readonly env: Record<string, string>;
	readonly lend: Lend;
}

export interface ClaudeEnd {
	/** Null if a signal ended it. */
	readonly code: number | null;
	/** A person, or the system, asked for the end. */
	readonly interrupted: boolean;
}

/** What a shell makes of a program that Ctrl-C ended. */
const ENDED_BY_INTERRUPT = 130;
const STDERR = 2;

/**
 * Its own words go to standard error, as a terminal shows both: standard output is for results.
 *
 * @throws BatonError `command-failed` if it cannot be started
 */
export async function runClaude({ program, env, lend }: ClaudeRun): Promise<ClaudeEnd> {
	let child: ChildProcess | undefined;
	let heard = false;
	const hear = (name: NodeJS.Signals) => {
		heard = true;
		// Ctrl-C has reached it by itself: the terminal tells everyone in the foreground.
		if (name !== "SIGINT") child?.kill(name);
	};
	const { code, signal } = await lend(hear, async () => {
		child = spawn(program, ["auth", "login"], { env, stdio: ["inherit", STDERR, STDERR] });
		return await endOf(child, program);
	});
	return { code, interrupted: heard || signal !== null || code === ENDED_BY_INTERRUPT };
}

interface Exit {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

function endOf(child: ChildProcess, program: string): Promise<Exit> {
	return new Promise((resolve, reject) => {
		child.once("exit", (code, signal) => resolve({ code, signal }));
		child.once("error", (error) =>
			reject(
				// Without the cause: it holds the whole environment of a failed start.
				new BatonError(
					"command-failed",
					`cannot start ${program}: ${errnoOf(error) ?? "unknown"}`,
					{
						hint: "look whether it is the official claude for this machine",
					},
				),
			),
		);
	});
}
