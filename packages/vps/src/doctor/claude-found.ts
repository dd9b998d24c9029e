/** Which claude is on this machine, and what it means for the engine. */

import { constants } from "node:fs";
import { access, realpath } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { runCommand } from "@baton/io/run-command";
import type { Finding } from "./finding.ts";

export interface ClaudeFacts {
	/** As the settings say. */
	readonly engine: string;
	readonly found: readonly { readonly path: string; readonly version: string | undefined }[];
}

/** Where its installers put it, beside the PATH. */
const USUAL = [".local/bin", ".claude/local", ".npm-global/bin", "bin"];

export async function lookAtClaude(
	engine: string,
	environment: NodeJS.ProcessEnv,
	home: string,
): Promise<ClaudeFacts> {
	const paths = await claudePrograms(environment, home);
	const found = paths.map(async (path) => ({ path, version: await versionOf(path) }));
	return { engine, found: await Promise.all(found) };
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

export function judgeClaude({ engine, found }: ClaudeFacts): Finding[] {
	const about = "engine";
	const [first, ...others] = found;
	const isOwn = engine === "http";
	if (first === undefined) {
		const says = `${engine}; there is no claude on this machine`;
		return isOwn || engine === "auto"
			? [{ about, gravity: "well", says }]
			: [{ about, gravity: "wrong", says, hint: "install Claude Code, or name it in batond.json" }];
	}
	const named = `claude ${first.version ?? "of an unknown version"} at ${first.path}`;
	return [
		{ about, gravity: "well", says: `${engine}; there is ${named}` },
		...(others.length === 0
			? []
			: [
					{
						about,
						gravity: "doubtful" as const,
						says: `there are more: ${others.map(({ path, version }) => `${version ?? "?"} at ${path}`).join(", ")}`,
						hint: "which of them runs depends on the PATH; keep one",
					},
				]),
	];
}
