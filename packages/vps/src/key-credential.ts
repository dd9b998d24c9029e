/** The key to the state as a systemd credential: how it is sealed, and where the service is given it. */

import { isAbsolute, join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type Argv, runCommand } from "@baton/io/run-command";
import { managerEnvironment } from "./user-manager.ts";

/** Its name, in the unit and to `systemd-creds`. */
export const CREDENTIAL = "batond.key";

/** Where systemd has put it for this process; undefined where it gives none. */
export function credentialFile({ CREDENTIALS_DIRECTORY }: NodeJS.ProcessEnv): string | undefined {
	if (CREDENTIALS_DIRECTORY === undefined || !isAbsolute(CREDENTIALS_DIRECTORY)) return undefined;
	return join(CREDENTIALS_DIRECTORY, CREDENTIAL);
}

/** The first systemd that gives a user's own services encrypted credentials. */
export const FIRST_WITH_USER_CREDENTIALS = 256;

/** It may have to ask a TPM. */
const LIMIT = 60 * SECOND;

/**
 * Encrypts the key for this user on this machine, and proves that it comes out again.
 *
 * @throws BatonError `command-failed`, and nothing was written
 */
export async function sealKey(key: Buffer, environment: NodeJS.ProcessEnv): Promise<string> {
	const sealed = await creds(["encrypt", "-", "-"], key, environment);
	const opened = await creds(["decrypt", "--transcode=hex", "-", "-"], sealed, environment);
	if (opened.trim() === key.toString("hex")) return sealed;
	throw new BatonError("command-failed", "systemd-creds did not give back the key it had sealed", {
		hint: "go on with the key file; nothing was changed",
	});
}

async function creds(
	[verb, ...more]: readonly [string, ...string[]],
	stdin: string | Uint8Array,
	environment: NodeJS.ProcessEnv,
): Promise<string> {
	const argv: Argv = ["systemd-creds", verb, "--user", `--name=${CREDENTIAL}`, ...more];
	const env = managerEnvironment(environment);
	const { code, stdout, stderr } = await runCommand(argv, { env, stdin, timeoutMs: LIMIT });
	if (code === 0) return stdout;
	// What it says names files and devices, never the key.
	const said = stderr.trim().split("\n").at(-1) || `it ended with ${code}`;
	throw new BatonError("command-failed", `systemd-creds ${verb} failed`, {
		hint: `${said.slice(0, 200)}; until it works, go on with the key file`,
	});
}
