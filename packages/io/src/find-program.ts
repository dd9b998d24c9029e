/** Looks for a program in folders, as a shell looks along its PATH. */

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/** @param path the variable PATH. An entry that is not absolute means another folder wherever one stands. */
export function foldersOn(path = ""): string[] {
	return path.split(delimiter).filter(isAbsolute);
}

/** The first that can be run. */
export async function findProgram(
	name: string,
	folders: readonly string[],
): Promise<string | undefined> {
	for (const folder of folders) {
		if (await isProgram(join(folder, name))) return join(folder, name);
	}
	return undefined;
}

export async function isProgram(file: string): Promise<boolean> {
	try {
		await access(file, constants.X_OK);
		return (await stat(file)).isFile();
	} catch {
		return false;
	}
}
