/**
 * Files that are either the old or the new one, whole, whenever the power goes.
 *
 * A write goes to a temporary file beside the target, which is then renamed over it. When a call
 * returns, the file and its name are on the disk. When it throws, the target is what it was, save for
 * one case: the last step, the fsync of the folder, failed after the rename.
 */
import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import {
	chmod,
	type FileHandle,
	link,
	lstat,
	open,
	readdir,
	rename,
	unlink,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BatonError } from "@baton/core/error";
import { diskError, errnoOf } from "./disk-error.ts";
import { isMountPoint, mountedAlone } from "./mount-point.ts";
import { assertOwnFolder, syncFolder } from "./private-folder.ts";

const CREATE =
	constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** Enough that a full disk or quota shows, little enough for any disk. */
const PROBE_BYTES = 16 * 1024;

export interface WriteOptions {
	/** Mode of the file whatever the umask or the file before it; 0600 by default. */
	mode?: number;
	/** Group of the file; that which the system gives to new ones by default. */
	gid?: number;
	/** Refuses a folder that is not the caller's own or that others may write in. */
	ownerOnlyFolder?: boolean;
}

export interface ReplaceOptions extends WriteOptions {
	/**
	 * Makes the time of last change later than that of the file before it, by whole ms at least, however
	 * coarse the file system's clock and wherever the machine's stands: for readers that look at nothing
	 * else.
	 */
	laterThanBefore?: boolean;
	/** Keeps the group of the file before it, where the mode gives the group any right. */
	keepGroup?: boolean;
	/** Called when all is written but the rename; what it throws leaves the file as it was. */
	beforeRename?: () => void | Promise<void>;
}

/**
 * Replaces a file, or creates it, whole and durably.
 *
 * @throws BatonError `unsafe-path` if there is anything but a plain file of this user; `disk-failed`
 */
export async function writeAtomic(
	path: string,
	data: string | Uint8Array,
	options: ReplaceOptions = {},
): Promise<void> {
	const { mode = 0o600, gid, ownerOnlyFolder = false, beforeRename } = options;
	try {
		const before = await assertReplaceable(path, ownerOnlyFolder);
		const temporary = await writeTemporary(path, data, {
			mode,
			group: options.keepGroup === true ? groupToKeep(before, mode) : gid,
			after: options.laterThanBefore === true ? before?.mtimeMs : undefined,
		});
		await orRemove(temporary, async () => {
			await beforeRename?.();
			await replace(temporary, path);
		});
		await syncFolder(dirname(path));
	} catch (error) {
		throw diskError("cannot write", path, error);
	}
}

/**
 * Creates a file whole and durably, never over another.
 *
 * @returns false if something was there already, which is left as it is
 * @throws BatonError `disk-failed`, `unsafe-path`
 */
export async function createDurably(
	path: string,
	data: string | Uint8Array,
	{ mode = 0o600, ownerOnlyFolder = false }: WriteOptions = {},
): Promise<boolean> {
	try {
		if (ownerOnlyFolder) await assertOwnFolder(dirname(path));
		const temporary = await writeTemporary(path, data, { mode });
		const created = await orRemove(temporary, () => moveToFree(temporary, path));
		await syncFolder(dirname(path));
		return created;
	} catch (error) {
		throw diskError("cannot create", path, error);
	}
}

/**
 * Removes a file so that it stays removed; well if it is missing.
 *
 * @throws BatonError `disk-failed`, `unsafe-path`
 */
export async function removeDurably(path: string): Promise<void> {
	try {
		await unlink(path);
	} catch (error) {
		// Also after a missing file: it may have been removed just before a crash, and not durably.
		if (errnoOf(error) !== "ENOENT") throw diskError("cannot remove", path, error);
	}
	try {
		await syncFolder(dirname(path));
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw diskError("cannot remove", path, error);
	}
}

export interface ProveOptions
	extends Pick<ReplaceOptions, "mode" | "ownerOnlyFolder" | "keepGroup"> {
	/** How much may be written, if it may be more than what is there and some. */
	bytes?: number;
}

/**
 * Proves that `writeAtomic` of this file would work now: the target may be replaced, and its folder
 * takes a file of its size and some kilobytes. Leaves nothing behind and touches nothing else.
 *
 * @throws BatonError what `writeAtomic` would throw
 */
export async function proveWritable(path: string, options: ProveOptions = {}): Promise<void> {
	const { mode = 0o600, ownerOnlyFolder = false, keepGroup = false, bytes = 0 } = options;
	try {
		const before = await assertReplaceable(path, ownerOnlyFolder);
		if (before !== undefined && (await isMountPoint(path))) throw mountedAlone(path);
		const size = Math.max(bytes, (before?.size ?? 0) + PROBE_BYTES);
		const group = keepGroup ? groupToKeep(before, mode) : undefined;
		const probe = await writeTemporary(path, randomBytes(size), { mode: 0o600, group });
		await orRemove(probe, () => syncFolder(dirname(path)));
		await removeProbe(probe);
	} catch (error) {
		throw diskError("cannot write", path, error);
	}
}

/** A write at the same time takes it for a leftover, and may be the first to remove it. */
async function removeProbe(probe: string): Promise<void> {
	await unlink(probe).catch((error: unknown) => {
		if (errnoOf(error) !== "ENOENT") throw error;
	});
}

/**
 * Gives a file the mode it should have, whatever it has now.
 *
 * @throws BatonError `unsafe-path`, `disk-failed`, as `writeAtomic`
 */
export async function setMode(
	path: string,
	{ mode = 0o600, ownerOnlyFolder = false }: WriteOptions = {},
): Promise<void> {
	try {
		const before = await assertReplaceable(path, ownerOnlyFolder);
		if (before !== undefined && (before.mode & 0o7777) !== mode) await chmod(path, mode);
	} catch (error) {
		throw diskError("cannot write", path, error);
	}
}

/**
 * Removes the temporary files that a killed `writeAtomic` of this path left, as they may hold secrets.
 * Only where this process is the file's one writer, and not while it writes.
 *
 * @throws BatonError `disk-failed`
 */
export async function removeLeftovers(path: string): Promise<void> {
	const [prefix, suffix] = [`.${basename(path)}.`, ".tmp"];
	try {
		for (const name of await readdir(dirname(path))) {
			if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue;
			if (/^[0-9a-f]{16}$/.test(name.slice(prefix.length, -suffix.length))) {
				await removeDurably(join(dirname(path), name));
			}
		}
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw diskError("cannot clean up beside", path, error);
	}
}

/**
 * The same for every path of a folder that is this program's alone; well if there is none.
 *
 * @throws BatonError `disk-failed`
 */
export async function removeLeftoversIn(folder: string): Promise<void> {
	try {
		for (const name of await readdir(folder)) {
			if (/^\..+\.[0-9a-f]{16}\.tmp$/.test(name)) await removeDurably(join(folder, name));
		}
	} catch (error) {
		if (errnoOf(error) !== "ENOENT") throw diskError("cannot clean up", folder, error);
	}
}

/** What is there now, if anything is. */
async function assertReplaceable(
	path: string,
	ownerOnlyFolder: boolean,
): Promise<Stats | undefined> {
	if (ownerOnlyFolder) await assertOwnFolder(dirname(path));
	const stat = await lstat(path).catch((error: unknown) => {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error;
	});
	if (stat === undefined) return undefined;
	if (!stat.isFile()) {
		throw new BatonError("unsafe-path", `${path} is not a plain file`, {
			hint: "name the file itself: no link, folder, pipe or device",
		});
	}
	if (process.getuid !== undefined && stat.uid !== process.getuid()) {
		throw new BatonError("unsafe-path", `${path} belongs to another user`, {
			hint: "run this as its owner, or name another file",
		});
	}
	return stat;
}

function groupToKeep(before: Stats | undefined, mode: number): number | undefined {
	return (mode & 0o070) === 0 ? undefined : before?.gid;
}

interface Making {
	mode: number;
	group?: number | undefined;
	/** The time of last change becomes later than this, ms since 1970. */
	after?: number | undefined;
}

/** A temporary file beside `path` that is whole and on the disk; its name is not yet. */
async function writeTemporary(
	path: string,
	data: string | Uint8Array,
	making: Making,
): Promise<string> {
	const name = `.${basename(path)}.${randomBytes(8).toString("hex")}.tmp`;
	const temporary = join(dirname(path), name);
	const handle = await open(temporary, CREATE, making.mode & 0o700);
	await orRemove(temporary, async () => {
		await fill(handle, data, making);
	});
	return temporary;
}

async function fill(
	handle: FileHandle,
	data: string | Uint8Array,
	{ mode, group, after }: Making,
): Promise<void> {
	try {
		await handle.writeFile(data);
		if (group !== undefined) await giveGroup(handle, group);
		// The mode given to open was cut by the umask.
		await handle.chmod(mode);
		if (after !== undefined) await makeLater(handle, after);
		await handle.sync();
	} finally {
		await handle.close();
	}
}

async function giveGroup(handle: FileHandle, group: number): Promise<void> {
	const { uid, gid } = await handle.stat();
	if (gid === group) return;
	await handle.chown(uid, group).catch((error: unknown) => {
		throw new BatonError("unsafe-path", `the group of the file, ${group}, cannot be kept`, {
			hint: "give the file a group that this user is in, or a mode without rights for a group",
			cause: error,
		});
	});
}

/** Two seconds on: the coarsest file systems count in twos. */
async function makeLater(handle: FileHandle, before: number): Promise<void> {
	const { atime, mtimeMs } = await handle.stat();
	if (Math.floor(mtimeMs) > Math.floor(before)) return;
	await handle.utimes(atime, Math.floor(before) / 1000 + 2);
}

async function orRemove<T>(temporary: string, step: () => Promise<T>): Promise<T> {
	try {
		return await step();
	} catch (error) {
		await unlink(temporary).catch(() => {});
		throw error;
	}
}

/** Windows refuses a rename for a moment while a scanner or a watcher has the target open. */
const WINDOWS_WAITS_MS = [20, 100, 500];

async function replace(temporary: string, path: string): Promise<void> {
	for (const wait of process.platform === "win32" ? WINDOWS_WAITS_MS : []) {
		try {
			return await rename(temporary, path);
		} catch (error) {
			if (!["EPERM", "EACCES", "EBUSY"].includes(errnoOf(error) ?? "")) throw error;
			await setTimeout(wait);
		}
	}
	try {
		await rename(temporary, path);
	} catch (error) {
		throw errnoOf(error) === "EBUSY" && process.platform !== "win32" ? mountedAlone(path) : error;
	}
}

/** A hard link is the one way to give a name only if it is free; then the old name goes. */
async function moveToFree(temporary: string, path: string): Promise<boolean> {
	try {
		await link(temporary, path);
	} catch (error) {
		if (errnoOf(error) === "EEXIST") return await unlink(temporary).then(() => false);
		return await moveWithoutLink(temporary, path, error);
	}
	await unlink(temporary);
	return true;
}

/** For file systems without hard links (exFAT, some network ones): not safe against a racing creator. */
async function moveWithoutLink(temporary: string, path: string, why: unknown): Promise<boolean> {
	if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(errnoOf(why) ?? "")) throw why;
	const taken = await lstat(path).then(
		() => true,
		() => false,
	);
	await (taken ? unlink(temporary) : rename(temporary, path));
	return !taken;
}
