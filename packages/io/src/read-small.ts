/** Reads a small plain file without being led elsewhere, blocked or filled up by what is there. */
import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { BatonError } from "@baton/core/error";
import { diskError, errnoOf } from "./disk-error.ts";

/** Windows has neither flag: there the kind is looked at beforehand. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

export interface ReadSmallOptions {
	/** A larger file is refused, also one that grows while it is read. */
	maxBytes: number;
}

/**
 * The file's whole content; undefined if it is missing.
 *
 * @throws BatonError `unsafe-path` for a symbolic link, folder, FIFO, socket, device or larger file;
 * `disk-failed` for what the disk refuses
 */
export async function readSmall(
	path: string,
	{ maxBytes }: ReadSmallOptions,
): Promise<Buffer | undefined> {
	let handle: FileHandle | undefined;
	try {
		if (process.platform === "win32" && !(await lstat(path)).isFile()) throw notPlain(path);
		handle = await open(path, FLAGS);
		const stat = await handle.stat();
		if (!stat.isFile()) throw notPlain(path);
		if (stat.size > maxBytes) throw tooLarge(path, maxBytes);
		return await readUpTo(handle, path, maxBytes);
	} catch (error) {
		const errno = errnoOf(error);
		if (errno === "ENOENT") return undefined;
		// What opening a Unix socket answers.
		if (errno === "ENXIO" || errno === "EOPNOTSUPP") throw notPlain(path);
		throw diskError("cannot read", path, error);
	} finally {
		await handle?.close();
	}
}

async function readUpTo(handle: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
	const buffer = Buffer.alloc(maxBytes + 1);
	let length = 0;
	for (;;) {
		const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
		length += bytesRead;
		if (length > maxBytes) throw tooLarge(path, maxBytes);
		if (bytesRead === 0) return Buffer.from(buffer.subarray(0, length));
	}
}

function notPlain(path: string): BatonError {
	return new BatonError("unsafe-path", `${path} is not a plain file`, {
		hint: "name the file itself: no link, folder, pipe or device",
	});
}

function tooLarge(path: string, maxBytes: number): BatonError {
	return new BatonError("unsafe-path", `${path} is larger than ${maxBytes} bytes`, {
		hint: "look whether this is the right file",
	});
}
