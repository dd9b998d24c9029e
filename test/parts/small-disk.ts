/** A folder on a disk of its own, which can be full, read-only, or well. For root on Linux. */
import { execFileSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	openSync,
	rmSync,
	statSync,
	truncateSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { makeScratch } from "./scratch.ts";

export interface SmallDisk {
	/**
	 * Takes every block that is left, but for so many. Files that are there may still grow to the end of
	 * their last one.
	 */
	fill(but?: number): void;
	/** Gives them back. */
	free(): void;
	setReadOnly(readOnly: boolean): void;
}

const MOUNT = "/usr/bin/mount";
const BALLAST = "ballast";
const BLOCK = 4096;

let missing: { reason: string | undefined } | undefined;

/** Why no disk can be mounted here; undefined if one can. */
export function smallDiskMissing(): string | undefined {
	missing ??= { reason: whyMissing() };
	return missing.reason;
}

function whyMissing(): string | undefined {
	if (process.platform !== "linux" || process.getuid?.() !== 0)
		return "only root on Linux may mount";
	if (!existsSync(MOUNT)) return `there is no ${MOUNT}: install mount`;
	const scratch = makeScratch();
	try {
		mountSmallDisk(scratch.path);
		return undefined;
	} catch {
		return "this machine lets nobody mount";
	} finally {
		scratch.remove();
	}
}

/**
 * Puts a disk of a quarter megabyte over an empty folder in a scratch folder. It is unmounted when that
 * is removed. Throws when `smallDiskMissing`.
 */
export function mountSmallDisk(folder: string): SmallDisk {
	mount("-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", folder);
	const ballast = join(folder, BALLAST);
	return {
		fill(but = 0) {
			writeUntilFull(ballast);
			truncateSync(ballast, Math.max(0, statSync(ballast).size - but * BLOCK));
		},
		free: () => rmSync(ballast, { force: true }),
		setReadOnly: (readOnly) => mount("-o", `remount,${readOnly ? "ro" : "rw"}`, folder),
	};
}

function mount(...args: string[]): void {
	execFileSync(MOUNT, args, { stdio: "pipe" });
}

function writeUntilFull(file: string): void {
	const descriptor = openSync(file, "a");
	try {
		for (;;) writeSync(descriptor, Buffer.alloc(BLOCK));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
	} finally {
		closeSync(descriptor);
	}
}
