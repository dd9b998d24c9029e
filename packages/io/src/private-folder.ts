/** Folders only their owner can change, made so that they outlive a power cut. */
import { chmod, type FileHandle, lstat, mkdir, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import { diskError, errnoOf } from "./disk-error.ts";

/**
 * Makes the folder and what is missing above it, each 0700 whatever the umask, each durable before the
 * next. One that is there already must be the caller's own and nobody else's to write.
 *
 * @throws BatonError `unsafe-path`, `disk-failed`
 */
export async function makePrivateFolder(path: string): Promise<void> {
	const folder = resolve(path);
	try {
		await makeMissing(folder);
	} catch (error) {
		throw diskError("cannot make the folder", folder, error);
	}
	await assertOwnFolder(folder);
}

async function makeMissing(folder: string): Promise<void> {
	if (await makeOne(folder)) return;
	await makeMissing(dirname(folder));
	await makeOne(folder);
}

/** Says whether the folder is there now; false if the one above it is missing. */
async function makeOne(folder: string): Promise<boolean> {
	try {
		await mkdir(folder, { mode: 0o700 });
	} catch (error) {
		if (errnoOf(error) === "EEXIST") return true;
		if (errnoOf(error) === "ENOENT" && dirname(folder) !== folder) return false;
		// Windows and read-only file systems answer so for a folder that is there.
		if (await isFolder(folder)) return true;
		throw error;
	}
	await chmod(folder, 0o700);
	await syncFolder(dirname(folder));
	return true;
}

async function isFolder(path: string): Promise<boolean> {
	try {
		return (await lstat(path)).isDirectory();
	} catch {
		return false;
	}
}

/**
 * The folder itself is no symbolic link, belongs to this user, and neither group nor others may write
 * in it. Windows has no such modes: there only the kind is looked at.
 *
 * @throws BatonError `unsafe-path`; `disk-failed` when it cannot be looked at
 */
export async function assertOwnFolder(path: string): Promise<void> {
	const stat = await lstat(path).catch((error: unknown) => {
		throw diskError("cannot use the folder", path, error);
	});
	if (!stat.isDirectory()) throw unsafe(path, "is not a folder", "name a real folder");
	if (process.getuid === undefined) return;
	if (stat.uid !== process.getuid()) {
		throw unsafe(path, "belongs to another user", "run this as its owner, or name another folder");
	}
	if ((stat.mode & 0o022) !== 0) {
		throw unsafe(path, "can be written by other users", `take that away: chmod go-w '${path}'`);
	}
}

function unsafe(path: string, fault: string, hint: string): BatonError {
	return new BatonError("unsafe-path", `${path} ${fault}`, { hint });
}

/** Makes the names in a folder durable: what was created, renamed or removed there. */
export async function syncFolder(path: string): Promise<void> {
	let handle: FileHandle | undefined;
	try {
		handle = await open(path, "r");
		await handle.sync();
	} catch (error) {
		// Windows cannot open or sync a folder; NTFS journals names by itself.
		if (process.platform !== "win32") throw error;
	} finally {
		await handle?.close();
	}
}
