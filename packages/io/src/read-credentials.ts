/**
 * Reads claude's credentials file from the disk, whatever lies there in its place: claude replaces it at
 * any time, people link, copy and edit it.
 */
import { lstat } from "node:fs/promises";
import { CREDENTIALS_MAX_BYTES } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import { readSmall } from "./read-small.ts";

/**
 * The file's text; undefined if it is missing.
 *
 * @throws BatonError `unsafe-path` for anything but a plain file of reasonable size; `bad-credentials` if
 * it is no text; `disk-failed`. None shows what is in it.
 */
export async function readCredentialsText(file: string): Promise<string | undefined> {
	const stat = await lstat(file).catch(() => undefined);
	if (stat?.isSymbolicLink()) {
		throw new BatonError("unsafe-path", `${file} is a symbolic link, which is not followed`, {
			hint: "put the file itself there: claude replaces the link by a file at its next write",
		});
	}
	const bytes = await readSmall(file, { maxBytes: CREDENTIALS_MAX_BYTES });
	return bytes && decode(bytes, file);
}

/** Else what is not UTF-8 would come back as something else when the file is written. */
function decode(bytes: Uint8Array, file: string): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw new BatonError("bad-credentials", `cannot read ${file}: not UTF-8, perhaps damaged`, {
			hint: LEFT_ALONE,
		});
	}
}

/** For whoever finds a file that no login can be read from. */
export const LEFT_ALONE = "it is left as it is; if this stays, log in with claude again";
