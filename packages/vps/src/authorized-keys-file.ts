/** An account's `authorized_keys` on the disk: read, and written without some lines. */

import { lstat, realpath } from "node:fs/promises";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import { writeAtomic } from "@baton/io/atomic-file";
import { diskError, errnoOf } from "@baton/io/disk-error";
import { readSmall } from "@baton/io/read-small";
import { type DeviceLine, findDevices, withoutLines } from "./authorized-keys.ts";

/** Some thousand keys. */
const MAX_BYTES = 1024 * 1024;

export interface AuthorizedKeys {
	readonly bytes: Buffer;
	readonly entries: readonly DeviceLine[];
}

export function usualAuthorizedKeys(home: string): string {
	return join(home, ".ssh", "authorized_keys");
}

/**
 * Reads only, and also through a link. Undefined if there is no such file.
 *
 * @throws BatonError `unsafe-path` for a folder, FIFO or file of more than 1 MiB; `disk-failed`
 */
export async function readAuthorizedKeys(path: string): Promise<AuthorizedKeys | undefined> {
	let real: string;
	try {
		real = await realpath(path);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw diskError("cannot read", path, error);
	}
	const bytes = await readSmall(real, { maxBytes: MAX_BYTES });
	return bytes === undefined ? undefined : { bytes, entries: findDevices(bytes) };
}

/**
 * Removes a device's lines; every other byte, mode and owner stay. Whole and durable on return. What is
 * written was read just before.
 *
 * @returns the lines that were removed; if there are none, nothing was written
 * @throws BatonError `unsafe-path` for a link, hard links and files of others; `disk-failed`
 */
export async function removeDevice(path: string, device: string): Promise<readonly DeviceLine[]> {
	const keys = await readAuthorizedKeys(path);
	const lines = keys?.entries.filter((entry) => entry.device === device) ?? [];
	if (keys === undefined || lines.length === 0) return [];
	const { mode, gid } = await assertAlone(path);
	await writeAtomic(path, withoutLines(keys.bytes, lines), { mode, gid });
	return lines;
}

/** A rename would part a link from its target, and one name of a file from its others. */
async function assertAlone(path: string): Promise<{ mode: number; gid: number }> {
	try {
		const stat = await lstat(path);
		if (stat.isSymbolicLink()) {
			throw new BatonError("unsafe-path", `${path} is a link`, {
				hint: `name the file itself: --authorized-keys ${await realpath(path)}`,
			});
		}
		if (stat.nlink > 1) {
			throw new BatonError("unsafe-path", `${path} has another name too (a hard link)`, {
				hint: "take the device's line out by hand",
			});
		}
		return { mode: stat.mode & 0o7777, gid: stat.gid };
	} catch (error) {
		throw diskError("cannot write", path, error);
	}
}
