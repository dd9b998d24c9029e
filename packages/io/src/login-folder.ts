/** The folder in which claude makes a login that is not the machine's own, as claude finds it and as it is left. */

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createDurably, removeDurably, writeAtomic } from "./atomic-file.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { readSmall } from "./read-small.ts";

const CREDENTIALS_FILE = ".credentials.json";
const CLAUDES_SETTINGS = ".claude.json";
const SETTINGS_MAX_BYTES = 16 * 1024 * 1024;

/**
 * Makes it, 0700, and spares the person claude's questions to a newcomer. What claude keeps there
 * already stays; a file that cannot be understood is left to claude.
 *
 * @throws BatonError `unsafe-path`, `disk-failed`
 */
export async function prepareLoginFolder(folder: string): Promise<void> {
	await makePrivateFolder(folder);
	const file = join(folder, CLAUDES_SETTINGS);
	if (await createDurably(file, settingsWith({}))) return;
	const settings = await readObject(file);
	if (settings === undefined || settings.hasCompletedOnboarding === true) return;
	await writeAtomic(file, settingsWith(settings));
}

function settingsWith(settings: object): string {
	return `${JSON.stringify({ ...settings, hasCompletedOnboarding: true }, null, 2)}\n`;
}

async function readObject(file: string): Promise<Record<string, unknown> | undefined> {
	try {
		const bytes = await readSmall(file, { maxBytes: SETTINGS_MAX_BYTES });
		const value: unknown = JSON.parse(bytes?.toString("utf8") ?? "");
		const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
		return isObject ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}

/** A claude that was killed while it wrote leaves a file of tokens that nobody would ever find. */
export async function sweepLoginFolder(folder: string): Promise<void> {
	const names = await readdir(folder);
	for (const name of names.filter((one) => one.startsWith(`${CREDENTIALS_FILE}.tmp.`))) {
		await removeDurably(join(folder, name));
	}
}
