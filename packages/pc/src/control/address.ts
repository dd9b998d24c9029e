/** Where the process that owns a state folder is asked: a Unix socket in it, on Windows a named pipe. */

import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { BatonError } from "@baton/core/error";

/** The longest path of a Unix socket that every system takes, bytes. */
const LONGEST_PATH = 103;

/** @throws BatonError `unsafe-path` if the folder's path leaves no room for a socket's name */
export function controlAddress(stateFolder: string): string {
	const folder = resolve(stateFolder);
	if (process.platform === "win32") {
		const name = createHash("sha256").update(folder.toLowerCase()).digest("hex").slice(0, 32);
		return `\\\\.\\pipe\\baton-control-${name}`;
	}
	const path = join(folder, "control.sock");
	if (Buffer.byteLength(path) <= LONGEST_PATH) return path;
	throw new BatonError("unsafe-path", `the path of ${path} is too long for a socket`, {
		hint: "name a state folder with a shorter path",
	});
}
