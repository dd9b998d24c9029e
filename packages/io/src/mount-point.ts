/** Files that are mounted by themselves, as `docker run -v FILE:FILE` does: nothing can be renamed over one. */
import { constants } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BatonError } from "@baton/core/error";

/** Neither is a pipe waited for. */
const LOOK = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Whether a plain file is on another mount than its folder, though perhaps on the same file system.
 * Linux alone can tell; false where nobody can.
 */
export async function isMountPoint(file: string): Promise<boolean> {
	if (process.platform !== "linux") return false;
	const [own, folder] = [await mountOf(file), await mountOf(dirname(file))];
	return own !== undefined && folder !== undefined && own !== folder;
}

/** The kernel's number of the mount that a path leads to. */
async function mountOf(path: string): Promise<string | undefined> {
	let handle: FileHandle | undefined;
	try {
		handle = await open(path, LOOK);
		const facts = await readFile(`/proc/self/fdinfo/${handle.fd}`, "utf8");
		return /^mnt_id:\s*(\d+)$/m.exec(facts)?.[1];
	} catch {
		return undefined;
	} finally {
		await handle?.close();
	}
}

export function mountedAlone(path: string): BatonError {
	return new BatonError("unsafe-path", `${path} is mounted by itself, so it cannot be replaced`, {
		hint: "mount the folder it lies in instead of the file",
	});
}
