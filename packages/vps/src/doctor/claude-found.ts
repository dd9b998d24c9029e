/** Which programs `claude` are on this machine, wherever a person's or the service's PATH may lead. */

import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { runCommand } from "@baton/io/run-command";

export interface ClaudeThere {
	readonly path: string;
	readonly version: string | undefined;
}

/** Where its installers put it, beside the PATH. */
const USUAL = [".local/bin", ".claude/local", ".npm-global/bin", "bin"];

export async function lookForPrograms(
	environment: NodeJS.ProcessEnv,
	home: string,
): Promise<ClaudeThere[]> {
	const paths = await claudePrograms(environment, home);
	return await Promise.all(paths.map(async (path) => ({ path, version: await versionOf(path) })));
}

/** Each one once, the first on the PATH first. */
export async function claudePrograms(
	environment: NodeJS.ProcessEnv,
	home: string,
): Promise<string[]> {
	const folders = [
		...(environment.PATH ?? "").split(delimiter).filter(isAbsolute),
		...USUAL.map((folder) => join(home, folder)),
		"/usr/local/bin",
		"/usr/bin",
	];
	const seen = new Map<string, string>();
	for (const folder of new Set(folders)) {
		const path = join(folder, "claude");
		const real = await programAt(path);
		if (real !== undefined && !seen.has(real)) seen.set(real, path);
	}
	return [...seen.values()];
}

async function programAt(path: string): Promise<string | undefined> {
	try {
		await access(path, constants.X_OK);
		return await realpath(path);
	} catch {
		return undefined;
	}
}

/** Far from any login: in no home, and with nothing of this environment. */
async function versionOf(path: string): Promise<string | undefined> {
	const env = {
		PATH: "/usr/local/bin:/usr/bin:/bin",
		HOME: "/nonexistent",
		CLAUDE_CONFIG_DIR: "/nonexistent",
		DISABLE_AUTOUPDATER: "1",
		CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
	};
	try {
		const { stdout } = await runCommand([path, "--version"], { env, timeoutMs: 10 * SECOND });
		return /\d+\.\d+\.\d+/.exec(stdout)?.[0];
	} catch {
		return undefined;
	}
}
