/** Files that others wrote, read as far as they go: nothing is written, and no link is an obstacle. */

import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "@baton/io/disk-error";

const MAX_BYTES = 256 * 1024;

/** Undefined where nothing is there, or nothing that is read; `unseen` where it may not be read. */
export async function readText(path: string): Promise<string | "unseen" | undefined> {
	try {
		const handle = await open(path, "r");
		try {
			if (!(await handle.stat()).isFile()) return undefined;
			const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0);
			return buffer.subarray(0, bytesRead).toString("utf8");
		} finally {
			await handle.close();
		}
	} catch (error) {
		const errno = errnoOf(error);
		return errno === "EACCES" || errno === "EPERM" ? "unseen" : undefined;
	}
}

/** Paths of what lies in a folder; none where it cannot be read. */
export async function filesIn(folder: string, pattern = /./): Promise<string[]> {
	try {
		const names = await readdir(folder);
		return names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
	} catch {
		return [];
	}
}
