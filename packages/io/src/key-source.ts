/** Where the key of a secret store comes from: a file now, the system's own credentials later. */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { BatonError } from "@baton/core/error";
import { createDurably } from "./atomic-file.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { readSmall } from "./read-small.ts";

/** Bytes of an AES-256 key. */
const KEY_BYTES = 32;

export interface KeySource {
	/**
	 * The key; undefined if there is none and none is to be made. `make`: the first secret is about to
	 * be stored, so a missing key is made, durably, before it is handed out.
	 *
	 * @throws BatonError `bad-state` if what is there is no key; `disk-failed`, `unsafe-path`
	 */
	key(make: boolean): Promise<Buffer | undefined>;
}

/** A key file of 0600. Keep it apart from the data, so that a copy of the data alone is worthless. */
export function keyFile(path: string): KeySource {
	return {
		async key(make) {
			const found = await readKey(path);
			if (found !== undefined || !make) return found;
			await makePrivateFolder(dirname(path));
			// If another made one meanwhile, that one counts.
			await createDurably(path, randomBytes(KEY_BYTES), { mode: 0o600 });
			return await readKey(path);
		},
	};
}

async function readKey(path: string): Promise<Buffer | undefined> {
	const key = await readSmall(path, { maxBytes: KEY_BYTES * 2 });
	if (key === undefined || key.length === KEY_BYTES) return key;
	throw new BatonError("bad-state", `${path} is not a key of ${KEY_BYTES} bytes`, {
		hint: "nothing was touched; restore it from a backup",
	});
}
