/**
 * The file in which claude says who holds its refresh lock: `.oauth_refresh.lock.owner`.
 *
 * What claude 2.1.330 on Linux writes there after making `.oauth_refresh.lock` and `<folder>.lock`,
 * and reads before it takes over a lock that nobody touches (seen by running it):
 * `{pid, procStart, pidDomain, pidSpace, lockBirthtimeMs, legacyLockBirthtimeMs}`. `procStart` is field
 * 22 of /proc/PID/stat; `pidDomain` is `linux:MACHINE-ID:pid:[NAMESPACE]`; `pidSpace` is
 * `HOSTNAME#pid:[NAMESPACE]`; the birth times bind the record to those two locks. We write the same,
 * so that claude need not wait a minute after we are killed. On macOS and Windows the form of the two
 * pid fields is not known and nothing is written, which claude takes well.
 */
import { lstatSync, readFileSync, readlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAlive, processStart } from "./process-alive.ts";

/** The two locks that one record vouches for. */
export interface RefreshLocks {
	/** claude's configuration folder, which holds the record. */
	folder: string;
	/** `.oauth_refresh.lock` in it. */
	refresh: string;
	/** The older lock beside the folder. */
	legacy: string;
}

interface OwnerRecord {
	pid: number;
	procStart?: string;
	pidDomain: string;
	pidSpace: string;
	lockBirthtimeMs: number;
	legacyLockBirthtimeMs?: number;
}

/** claude reads no more of the file. */
const MAX_BYTES = 4096;

/** Whether `lock`, one of the two, is known to belong to a process that lives. */
export function ownerLives(locks: RefreshLocks, lock: string): boolean {
	const record = readRecord(locks.folder);
	if (record === undefined) return false;
	const born = lock === locks.refresh ? record.lockBirthtimeMs : record.legacyLockBirthtimeMs;
	if (lock !== locks.refresh && lock !== locks.legacy) return false;
	if (born === undefined || Math.abs(born - (birthtime(lock) ?? 0)) > 0.01) return false;
	if (process.platform === "linux" && !isOfOurPids(record)) return false;
	return isAlive(record.pid, record.procStart);
}

/** Says that this process holds both locks. A failure to say so does no harm. */
export function writeOwner(locks: RefreshLocks): void {
	const lockBirthtimeMs = birthtime(locks.refresh);
	const legacyLockBirthtimeMs = birthtime(locks.legacy);
	if (process.platform !== "linux" || lockBirthtimeMs === undefined) return;
	const procStart = processStart(process.pid);
	const record: OwnerRecord = {
		pid: process.pid,
		...(procStart === undefined ? {} : { procStart }),
		...ourPids(),
		lockBirthtimeMs,
		...(legacyLockBirthtimeMs === undefined ? {} : { legacyLockBirthtimeMs }),
	};
	try {
		removeFile(recordPath(locks.folder));
		writeFileSync(recordPath(locks.folder), JSON.stringify(record), { flag: "wx", mode: 0o600 });
	} catch {
		// claude then waits until our locks are stale.
	}
}

/** Removes the record if it is this process's. Call it while the locks are still held. */
export function removeOwner(locks: RefreshLocks): void {
	const record = readRecord(locks.folder);
	if (record?.pid !== process.pid || record.lockBirthtimeMs !== birthtime(locks.refresh)) return;
	removeFile(recordPath(locks.folder));
}

function recordPath(folder: string): string {
	return join(folder, ".oauth_refresh.lock.owner");
}

function removeFile(path: string): void {
	try {
		unlinkSync(path);
	} catch {
		// Missing, or not ours to remove: a record of other birth times means nothing.
	}
}

/** Ms since 1970; undefined if missing or where the file system does not tell. */
function birthtime(path: string): number | undefined {
	const born = lstatSync(path, { throwIfNoEntry: false })?.birthtimeMs ?? 0;
	return born > 0 ? born : undefined;
}

function readRecord(folder: string): OwnerRecord | undefined {
	try {
		const path = recordPath(folder);
		const stat = lstatSync(path);
		if (!stat.isFile() || stat.size > MAX_BYTES) return undefined;
		const record: unknown = JSON.parse(readFileSync(path, "utf8"));
		return isRecord(record) ? record : undefined;
	} catch {
		return undefined;
	}
}

function isRecord(value: unknown): value is OwnerRecord {
	if (typeof value !== "object" || value === null) return false;
	const record = value as Record<string, unknown>;
	return (
		typeof record.pid === "number" &&
		["string", "undefined"].includes(typeof record.procStart) &&
		typeof record.pidDomain === "string" &&
		typeof record.pidSpace === "string" &&
		typeof record.lockBirthtimeMs === "number" &&
		["number", "undefined"].includes(typeof record.legacyLockBirthtimeMs)
	);
}

/** Which process ids are meant: those of this machine and this namespace, not of a container. */
function ourPids(): Pick<OwnerRecord, "pidDomain" | "pidSpace"> {
	const namespace = textOr("", () => readlinkSync("/proc/self/ns/pid"));
	const machine = textOr("", () => readFileSync("/etc/machine-id", "utf8").trim());
	return {
		pidDomain: `linux:${machine}:${namespace}`,
		pidSpace: `${hostname()}${namespace === "" ? "" : `#${namespace}`}`,
	};
}

function isOfOurPids({ pidDomain, pidSpace }: OwnerRecord): boolean {
	const ours = ourPids();
	return pidDomain === ours.pidDomain && pidSpace === ours.pidSpace;
}

function textOr(otherwise: string, read: () => string): string {
	try {
		return read();
	} catch {
		return otherwise;
	}
}
