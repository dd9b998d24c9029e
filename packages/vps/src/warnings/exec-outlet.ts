/**
 * A command of the person's own that is given each warning as one JSON object on its standard input.
 * Exit code 0 means that it was taken. What it prints is not read.
 */

import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { type Argv, runCommand } from "@baton/io/run-command";
import { commandEnvironment } from "../command-environment.ts";
import type { Outlet } from "./outlet.ts";

export interface ExecOutletOptions {
	readonly name: string;
	/** Program and arguments, as given; no shell has a part in it. */
	readonly command: Argv;
	readonly timeoutMs: number;
	/** The service's own, of which the command gets a little. */
	readonly environment: NodeJS.ProcessEnv;
	readonly clock: Clock;
}

export function execOutlet(options: ExecOutletOptions): Outlet {
	const { name, command, timeoutMs, environment, clock } = options;
	const env = commandEnvironment(environment);
	return {
		name,
		async send(message) {
			const stdin = `${JSON.stringify(message)}\n`;
			const { code } = await runCommand(command, { env, stdin, timeoutMs, clock });
			if (code === 0) return;
			throw new BatonError("command-failed", `${command[0]} ended with ${code ?? "a signal"}`, {
				hint: "run it by hand: it gets a warning as JSON on its standard input",
			});
		},
	};
}
