/** Where the official claude is on this machine: named by a person, or the first one on the PATH. */

import { resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import { findProgram, foldersOn, isProgram } from "./find-program.ts";

export interface ClaudeSought {
	/** By `--claude`, relative to where the person is, or by the setting. */
	readonly named: string | undefined;
	/** The variable PATH. */
	readonly path: string | undefined;
	readonly platform: NodeJS.Platform;
	/** Folders to look in after those of the PATH, absolute. */
	readonly besides?: readonly string[];
}

/** @throws BatonError `command-failed` if there is none */
export async function findClaude(sought: ClaudeSought): Promise<string> {
	const found = await lookForClaude(sought);
	if (found !== undefined) return found;
	const { named, platform } = sought;
	if (named !== undefined) {
		throw new BatonError("command-failed", `${resolve(named)} is no program that can be run`, {
			hint: "name the official claude, by --claude PATH or the setting claude",
		});
	}
	throw new BatonError("command-failed", `there is no ${programName(platform)} on the PATH`, {
		hint: "install Claude Code, or name it: --claude PATH, or the setting claude",
	});
}

/** As it is found, links and all: behind one there may be another program after an update. */
export async function lookForClaude(sought: ClaudeSought): Promise<string | undefined> {
	const { named, path, platform, besides = [] } = sought;
	if (named !== undefined) return (await isProgram(resolve(named))) ? resolve(named) : undefined;
	return await findProgram(programName(platform), [...foldersOn(path), ...besides]);
}

function programName(platform: NodeJS.Platform): string {
	return platform === "win32" ? "claude.exe" : "claude";
}
