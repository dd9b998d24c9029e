/** Tells one file or folder from another of the same name, and removes only the one that was meant. */
import { randomBytes } from "node:crypto";
import { lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errnoOf } from "./disk-error.ts";

/** An inode number alone is soon given to the next file; mtime and birth time tell them apart. */
export interface FileIdentity {
	readonly inode: bigint;
	/** Ns since 1970. */
	readonly modified: bigint;
	/** Ns since 1970; undefined where it cannot be told from the time of the last change. */
	readonly born: bigint | undefined;
	readonly isFolder: boolean;
}

/** What is there now, not following a link; undefined if nothing. Throws Node's error for the rest. */
export function identify(path: string): FileIdentity | undefined {
	const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
	if (stat === undefined) return undefined;
	return {
		inode: stat.ino,
		modified: stat.mtimeNs,
		born: stat.birthtimeNs < stat.ctimeNs ? stat.birthtimeNs : undefined,
		isFolder: stat.isDirectory(),
	};
}

/**
 * Which file lies at a path, not following a link; undefined if none. No other file is given this number
 * while the file is open or, a socket, listened on. Throws Node's error for the rest.
 */
export function fileNumber(path: string): string | undefined {
	const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
	return stat && `${stat.dev}:${stat.ino}`;
}

/** The same file, not modified (or touched) since. */
export function isSame(a: FileIdentity | undefined, b: FileIdentity | undefined): boolean {
	if (a === undefined || b === undefined) return false;
	if (a.inode !== b.inode || a.modified !== b.modified) return false;
	return a.born === undefined || b.born === undefined || a.born === b.born;
}

/**
 * Removes a file or an empty folder if it is still the one seen. Two that do this at once cannot
 * remove each other's successor: the thing is renamed away first, looked at again, and put back if it
 * is another.
 *
 * @returns whether it was removed; throws Node's error if the folder above cannot be written
 */
export function removeIfSame(path: string, seen: FileIdentity): boolean {
	if (!isSame(identify(path), seen)) return false;
	const aside = `${path}.${randomBytes(8).toString("hex")}${ASIDE}`;
	try {
		renameSync(path, aside);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return false;
		throw error;
	}
	if (!isSame(identify(aside), seen)) {
		// Somebody was quicker by microseconds. A name taken again meanwhile is not overwritten.
		if (identify(path) === undefined) renameSync(aside, path);
		else remove(aside, seen.isFolder);
		return false;
	}
	remove(aside, seen.isFolder);
	return true;
}

const ASIDE = ".gone";

/** What was renamed away to be removed from this path, and is there still. */
export function asides(path: string): string[] {
	const names = readdirSync(dirname(path)).filter((name) => {
		return name.startsWith(`${basename(path)}.`) && name.endsWith(ASIDE);
	});
	return names.map((name) => join(dirname(path), name));
}

function remove(path: string, isFolder: boolean): void {
	if (isFolder) rmdirSync(path);
	else unlinkSync(path);
}
