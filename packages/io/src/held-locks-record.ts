/**
 * Which of claude's locks a Baton holds: `.baton-locks` in claude's folder, for as long as it holds any.
 *
 * claude's own record says nothing of the third lock and not who wrote it. With this one a Baton that
 * was killed under the locks costs claude's folder no minute: the next Baton breaks what is provably a
 * dead Baton's, at once. Proven means: the same lock (inode and time of birth), the same boot and the
 * same space of process ids, and nothing at all left under its process id. A zombie may still have a
 * thread in the middle of a write, and an id that was given out again shows less than one that is
 * free: for both, as for whatever else is not proven, the wait is that of any abandoned lock.
 */
import { lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { isGone } from "./process-alive.ts";
import { ourProcessSpace, type ProcessSpace } from "./process-space.ts";

interface HeldLocksRecord extends ProcessSpace {
	pid: number;
	/** Inode and time of birth of each lock, by the name of its folder. */
	locks: Record<string, string>;
}

const MAX_BYTES = 4096;

/** A failure to write it costs the wait it would have saved, and no more. */
export function writeHeldLocks(folder: string, locks: readonly string[]): void {
	const space = ourProcessSpace();
	if (space === undefined) return;
	const marks = locks.flatMap((lock) => {
		const mark = markOf(lock);
		return mark === undefined ? [] : [[basename(lock), mark]];
	});
	const record: HeldLocksRecord = { pid: process.pid, ...space, locks: Object.fromEntries(marks) };
	const beside = `${pathIn(folder)}.${process.pid}`;
	try {
		writeFileSync(beside, JSON.stringify(record), { mode: 0o600 });
		renameSync(beside, pathIn(folder));
	} catch {
		remove(beside);
	}
}

/** Removes the record if it is this process's. */
export function removeHeldLocks(folder: string): void {
	if (readRecord(folder)?.pid === process.pid) remove(pathIn(folder));
}

/**
 * The locks a Baton left that is surely dead: whether this one, as it is now, is one of them.
 *
 * @param path where it lies now, if it was renamed
 */
export type IsDeadOnes = (lock: string, path?: string) => boolean;

/** @returns undefined if the record proves nothing */
export function locksOfDead(folder: string): IsDeadOnes | undefined {
	const record = readRecord(folder);
	const space = ourProcessSpace();
	if (record === undefined || space === undefined) return undefined;
	if (record.boot !== space.boot || record.pids !== space.pids) return undefined;
	if (!isGone(record.pid)) return undefined;
	return (lock, path = lock) => {
		const mark = markOf(path);
		return mark !== undefined && record.locks[basename(lock)] === mark;
	};
}

function pathIn(folder: string): string {
	return join(folder, ".baton-locks");
}

function remove(path: string): void {
	try {
		unlinkSync(path);
	} catch {
		// Missing, or not ours to remove: a record of other locks means nothing.
	}
}

/** A touch changes neither; undefined where the file system tells no time of birth. */
function markOf(path: string): string | undefined {
	const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
	if (stat === undefined || stat.birthtimeNs <= 0n) return undefined;
	return `${stat.ino}:${stat.birthtimeNs}`;
}

function readRecord(folder: string): HeldLocksRecord | undefined {
	try {
		const stat = lstatSync(pathIn(folder));
		if (!stat.isFile() || stat.size > MAX_BYTES) return undefined;
		const record: unknown = JSON.parse(readFileSync(pathIn(folder), "utf8"));
		return isRecord(record) ? record : undefined;
	} catch {
		return undefined;
	}
}

function isRecord(value: unknown): value is HeldLocksRecord {
	if (typeof value !== "object" || value === null) return false;
	const { pid, boot, pids, locks } = value as Record<string, unknown>;
	return (
		Number.isSafeInteger(pid) &&
		typeof boot === "string" &&
		typeof pids === "string" &&
		typeof locks === "object" &&
		locks !== null
	);
}
