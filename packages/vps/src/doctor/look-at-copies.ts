/**
 * Credentials files in the places where people leave them. Of what is read only a fingerprint goes on, to
 * the service, which says whether it knows it.
 */

import { dirname, join } from "node:path";
import { readCredentials } from "@baton/core/credentials-file";
import type { Fingerprint } from "@baton/core/lineage";
import type { LeftoverFacts } from "./leftovers.ts";
import { filesIn, readText } from "./read-text.ts";

export interface CopiesSeen {
	readonly found: readonly LeftoverFacts[];
	readonly unreadable: readonly string[];
	/** How many places were looked at. */
	readonly looked: number;
}

/** claude's file and what editors and people make of its name; the OpenClaw plugin's. */
const CREDENTIALS = /^\.?(?:claude-)?credentials.*\.json|^\.credentials\.json/;

/** @param ask what the service knows of a fingerprint; undefined if it cannot be asked */
export async function lookForCopies(
	home: string,
	claudeFolders: readonly string[],
	ask: (fp: Fingerprint) => Promise<string | undefined>,
): Promise<CopiesSeen> {
	const folders = await usualFolders(home, claudeFolders);
	const files = (await Promise.all(folders.map((folder) => filesIn(folder, CREDENTIALS)))).flat();
	const found: LeftoverFacts[] = [];
	const unreadable: string[] = [];
	for (const path of files) {
		const text = await readText(path);
		if (text === "unseen") unreadable.push(path);
		const reading = readCredentials(text === "unseen" ? undefined : text);
		if (reading.kind === "login") found.push({ path, became: await ask(reading.fp) });
	}
	return { found, unreadable, looked: folders.length };
}

async function usualFolders(home: string, claudeFolders: readonly string[]): Promise<string[]> {
	const homes = new Set([home, "/root", ...(await filesIn("/home"))]);
	const each = [...homes].map(async (one) => [
		one,
		...(await filesIn(one, /^\.claude/)),
		join(one, ".config/claude"),
		join(one, ".openclaw"),
		join(one, ".openclaw/state"),
		join(one, ".openclaw/credentials"),
		...(await filesIn(join(one, ".openclaw/plugins"))),
		...(await filesIn(join(one, ".openclaw/extensions"))),
		join(one, ".openclaw/workspace"),
		join(one, "backup"),
	]);
	const places = (await Promise.all(each)).flat();
	return [...new Set([...places, ...claudeFolders, ...claudeFolders.map(dirname), "/tmp"])];
}
