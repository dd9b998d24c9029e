/** The official claude of this machine, if there is one that may be trusted with a refresh. */

import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { claudeVersion, isRecentClaude, OLDEST_CLAUDE } from "@baton/core/claude-version";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type ClaudeSought, lookForClaude } from "@baton/io/find-claude";
import { runCommand } from "@baton/io/run-command";

export type ClaudeFound =
	| { readonly kind: "recent"; readonly program: string; readonly version: string }
	/** `why` for a person. */
	| { readonly kind: "none"; readonly reason: NoClaude; readonly why: string };

/** `unfit`: one is there, or was named, and will not do; `proxy`: none gets through to the provider. */
export type NoClaude = "missing" | "unfit" | "proxy";

export interface ClaudeWanted {
	/** By the setting, absolute. */
	readonly named: string | undefined;
	/** All that it is given of the service's environment. */
	readonly environment: Readonly<Record<string, string>>;
}

/** It starts slowly the first time, from a slow disk. */
const VERSION_LIMIT = 30 * SECOND;

/**
 * Looks for it anew each time, as an update may come between two refreshes, and asks a program for its
 * version only if it is another one than before.
 */
export function claudeProgram({ named, environment }: ClaudeWanted): () => Promise<ClaudeFound> {
	const sought = claudeSought(named, environment.PATH);
	let asked: { readonly mark: string; readonly found: ClaudeFound } | undefined;
	return async () => {
		const program = await lookForClaude(sought);
		if (program === undefined) return noneAt(named);
		const mark = await markOf(program);
		if (asked?.mark !== mark) asked = { mark, found: await look(program, environment) };
		return asked.found;
	};
}

/** Also where its own installer puts it: the PATH of a service has no folder of the home. */
export function claudeSought(named: string | undefined, path: string | undefined): ClaudeSought {
	const besides = [join(homedir(), ".local", "bin"), "/usr/local/bin"];
	return { named, path, platform: process.platform, besides };
}

function noneAt(named: string | undefined): ClaudeFound {
	if (named !== undefined) return unfit(`${named} is no program that can be run`);
	return { kind: "none", reason: "missing", why: "no claude was found" };
}

function unfit(why: string): ClaudeFound {
	return { kind: "none", reason: "unfit", why };
}

/** Of what is behind the links. */
async function markOf(program: string): Promise<string> {
	try {
		const { dev, ino, size, mtimeMs } = await stat(program);
		return `${program} ${dev} ${ino} ${size} ${mtimeMs}`;
	} catch {
		return "";
	}
}

async function look(
	program: string,
	environment: Readonly<Record<string, string>>,
): Promise<ClaudeFound> {
	try {
		const options = { env: environment, timeoutMs: VERSION_LIMIT };
		const { stdout } = await runCommand([program, "--version"], options);
		const version = claudeVersion(stdout);
		if (version === undefined) return unfit(`${program} does not tell its version`);
		if (isRecentClaude(version)) return { kind: "recent", program, version };
		return unfit(`${program} is ${version}, not ${OLDEST_CLAUDE} or a later 2.x`);
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return unfit(`${program} cannot be run`);
	}
}
