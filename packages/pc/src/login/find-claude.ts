/** Where the official claude is on this PC: named by a person, or the first one on the PATH. */

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { BatonError } from "@baton/core/error";

export interface ClaudeSought {
	/** By `--claude`, relative to where the person is, or by the setting. */
	readonly named: string | undefined;
	/** The variable PATH. */
	readonly path: string | undefined;
	readonly platform: NodeJS.Platform;
}

/** @throws BatonError `command-failed` if there is none */
export async function findClaude({ named, path, platform }: ClaudeSought): Promise<string> {
	if (named !== undefined) {
		const program = resolve(named);
		if (await isProgram(program)) return program;
		throw new BatonError("command-failed", `${program} is no program that can be run`, {
			hint: "name the official claude, by --claude PATH or the setting claude",
		});
	}
	const name = platform === "win32" ? "claude.exe" : "claude";
	// An entry that is not absolute means another program in each folder one stands in.
	for (const folder of (path ?? "").split(delimiter).filter(isAbsolute)) {
		if (await isProgram(join(folder, name))) return join(folder, name);
	}
	throw new BatonError("command-failed", `there is no ${name} on the PATH`, {
		hint: "install Claude Code, or name it: --claude PATH, or the setting claude",
	});
}

async function isProgram(file: string): Promise<boolean> {
	try {
		await access(file, constants.X_OK);
		return (await stat(file)).isFile();
	} catch {
		return false;
	}
}
