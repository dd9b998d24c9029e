/** The person's own systemd: what it can do, and what it is asked to do. */

import { existsSync } from "node:fs";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type Argv, runCommand } from "@baton/io/run-command";

export interface UserManager {
	/** As in 252; undefined where there is no systemd. */
	version(): Promise<number | undefined>;
	/** Why a service with these properties would not start; undefined if one did. */
	refuses(properties: readonly string[]): Promise<string | undefined>;
	/** `systemctl --user ARGS`. @throws BatonError `command-failed` with its last words */
	control(...args: string[]): Promise<void>;
}

const LIMIT = 30 * SECOND;
/** `EXIT_NAMESPACE` and `EXIT_CREDENTIALS` of systemd.exec(5). */
const NO_NAMESPACE = 226;
const NO_CREDENTIALS = 243;

export function userManager(environment: NodeJS.ProcessEnv): UserManager {
	const env = managerEnvironment(environment);
	const ask = (argv: Argv) => runCommand(argv, { env, timeoutMs: LIMIT });
	return {
		async version() {
			try {
				const { stdout } = await ask(["systemctl", "--version"]);
				const [, number] = /^systemd (\d+)/.exec(stdout) ?? [];
				return number === undefined ? undefined : Number(number);
			} catch (error) {
				if (error instanceof BatonError) return undefined;
				throw error;
			}
		},
		async refuses(properties) {
			// Only where systemd runs the machine is there anything to ask.
			if (!existsSync("/run/systemd/system")) return "no systemd runs this machine";
			const options = properties.flatMap((property) => ["--property", property]);
			try {
				const { code, stderr } = await ask([
					"systemd-run",
					...["--user", "--wait", "--quiet", "--collect"],
					...options,
					"/bin/true",
				]);
				if (code === NO_CREDENTIALS)
					return "this system gives its user's services no such credential";
				if (code === NO_NAMESPACE) return "this system makes no such namespaces for a user";
				return code === 0 ? undefined : (lastLine(stderr) ?? `it ended with ${code}`);
			} catch (error) {
				if (error instanceof BatonError) return error.message;
				throw error;
			}
		},
		async control(...args) {
			const { code, stderr } = await ask(["systemctl", "--user", ...args]);
			if (code === 0) return;
			throw new BatonError("command-failed", `systemctl --user ${args.join(" ")} failed`, {
				hint: lastLine(stderr) ?? "journalctl --user -u batond says more",
			});
		},
	};
}

/** What a program needs to reach the user's own systemd, also from a bare SSH command. */
export function managerEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
	const uid = process.getuid?.() ?? 0;
	const { PATH = "/usr/local/bin:/usr/bin:/bin", XDG_RUNTIME_DIR = `/run/user/${uid}` } =
		environment;
	return { PATH, XDG_RUNTIME_DIR };
}

function lastLine(text: string): string | undefined {
	return text.trim().split("\n").at(-1) || undefined;
}
