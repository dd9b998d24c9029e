/**
 * A command of the person's own that is given each access token as one JSON object on its standard
 * input: `{"name", "accessToken", "expiresAt", "generation"}`. Exit code 0 means it has the token.
 *
 * What it prints is not read: it may well repeat the token.
 */

import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { findProgram, foldersOn, isProgram } from "@baton/io/find-program";
import { type Argv, runCommand } from "@baton/io/run-command";
import { commandEnvironment } from "../command-environment.ts";
import type { AccessToken, Sink } from "./sink.ts";

export interface ExecSinkOptions {
	readonly name: string;
	/** Program and arguments, as given; no shell has a part in it. */
	readonly command: Argv;
	readonly timeoutMs: number;
	/** The service's own environment, of which the command gets a little. */
	readonly environment: NodeJS.ProcessEnv;
	readonly clock: Clock;
}

export function execSink({ name, command, timeoutMs, environment, clock }: ExecSinkOptions): Sink {
	const env = commandEnvironment(environment);
	return {
		name,
		async prove() {
			if (await isRunnable(command[0], env.PATH)) return;
			throw new BatonError("unsafe-path", `${command[0]} is no program that can be run`, {
				hint: `look at the command of sink ${name} in batond.json`,
			});
		},
		async write(token) {
			const { code } = await runCommand(command, { env, stdin: inputOf(token), timeoutMs, clock });
			if (code === 0) return { kind: "written", disarmed: undefined };
			throw new BatonError("internal", `${command[0]} ended with ${code ?? "a signal"}`, {
				hint: `run it by hand: it gets a token as JSON on its standard input`,
			});
		},
	};
}

function inputOf({ name, session, generation }: AccessToken): string {
	const { accessToken, expiresAt } = session;
	const input = { name, accessToken: accessToken.reveal(), expiresAt, generation };
	return `${JSON.stringify(input)}\n`;
}

async function isRunnable(program: string, path: string | undefined): Promise<boolean> {
	if (program.includes("/")) return await isProgram(program);
	return (await findProgram(program, foldersOn(path))) !== undefined;
}
