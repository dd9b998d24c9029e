/**
 * Small secrets in encrypted files, one an entry, each replaced whole and durably.
 *
 * A file is `BATON`, the format version (1 byte), a nonce (12 bytes, new at every write), the tag (16
 * bytes) and the ciphertext of AES-256-GCM (NIST SP 800-38D). Format, version and the entry's name are
 * authenticated, so one entry cannot stand in for another. With random nonces a key is good for 2^32
 * writes: one a second for 136 years.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import { removeDurably, writeAtomic } from "./atomic-file.ts";
import { diskError, errnoOf } from "./disk-error.ts";
import type { KeySource } from "./key-source.ts";
import { makePrivateFolder } from "./private-folder.ts";
import { readSmall } from "./read-small.ts";

export interface SecretEntry {
	/**
	 * Undefined if it was never saved, or erased.
	 *
	 * @throws BatonError `bad-state` if it cannot be opened: damaged, or the key is missing or another
	 */
	load(): Promise<Buffer | undefined>;
	/**
	 * Resolves once it is on the disk.
	 *
	 * @throws BatonError `bad-state` if what it would replace cannot be opened, or there are entries
	 * and their key is missing; `disk-failed`
	 */
	save(data: Uint8Array): Promise<void>;
	/** Well if it is not there. Old blocks may stay on the disk: they are encrypted. */
	erase(): Promise<void>;
}

export interface SecretStore {
	/** @throws BatonError `usage` for a name but of 1 to 64 letters, digits, dots, `-` and `_` */
	entry(name: string): SecretEntry;
}

export interface SecretStoreOptions {
	/** Made if it is missing, 0700. */
	folder: string;
	key: KeySource;
}

const MAGIC = Buffer.from("BATON\x01", "latin1");
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = MAGIC.length + NONCE_BYTES + TAG_BYTES;
/** Many years of remembered fingerprints. */
const MAX_BYTES = 8 * 1024 * 1024;
const SUFFIX = ".secret";

/** Opens nothing yet: folder and key are made at the first `save`. */
export function openSecretStore({ folder, key }: SecretStoreOptions): SecretStore {
	return {
		entry(name) {
			const path = join(folder, `${checkedName(name)}${SUFFIX}`);
			return {
				load: () => load(path, name, key),
				async save(data) {
					if (data.length > MAX_BYTES) throw tooLarge(name, data.length);
					await makePrivateFolder(folder);
					// What cannot be opened may be all there is: it is erased by choice, not written over.
					await load(path, name, key);
					const found = await key.key(!(await hasEntries(folder)));
					if (found === undefined) throw keyMissing(path);
					await writeAtomic(path, seal(data, found, name), { mode: 0o600 });
				},
				erase: () => removeDurably(path),
			};
		},
	};
}

async function load(path: string, name: string, key: KeySource): Promise<Buffer | undefined> {
	const sealed = await readSmall(path, { maxBytes: MAX_BYTES + HEADER_BYTES });
	if (sealed === undefined) return undefined;
	const found = await key.key(false);
	if (found === undefined) throw keyMissing(path);
	return unseal(sealed, found, name, path);
}

function checkedName(name: string): string {
	// Not only dots, and none in front: no folder, no hidden or temporary file.
	if (/^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
	throw new BatonError("usage", "that is no name for a stored secret", {
		hint: "use 1 to 64 letters, digits, dots, hyphens or underscores",
	});
}

/** Whether a missing key would be a lost one. */
async function hasEntries(folder: string): Promise<boolean> {
	try {
		return (await readdir(folder)).some((file) => file.endsWith(SUFFIX));
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return false;
		throw diskError("cannot list", folder, error);
	}
}

function seal(data: Uint8Array, key: Buffer, name: string): Buffer {
	const nonce = randomBytes(NONCE_BYTES);
	const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
	cipher.setAAD(authenticated(name));
	const text = Buffer.concat([cipher.update(data), cipher.final()]);
	return Buffer.concat([MAGIC, nonce, cipher.getAuthTag(), text]);
}

function unseal(sealed: Buffer, key: Buffer, name: string, path: string): Buffer {
	const magic = sealed.subarray(0, MAGIC.length);
	if (magic.subarray(0, -1).equals(MAGIC.subarray(0, -1)) && (magic.at(-1) ?? 0) > 1) {
		throw bad(`${path} was written by a newer version`, "install that version or a later one");
	}
	if (!magic.equals(MAGIC) || sealed.length < HEADER_BYTES) throw damaged(path);
	const nonce = sealed.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES);
	const tag = sealed.subarray(MAGIC.length + NONCE_BYTES, HEADER_BYTES);
	try {
		const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
		decipher.setAAD(authenticated(name)).setAuthTag(tag);
		return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]);
	} catch {
		throw damaged(path);
	}
}

function authenticated(name: string): Buffer {
	return Buffer.concat([MAGIC, Buffer.from(name)]);
}

function keyMissing(path: string): BatonError {
	return bad(`the key of ${path} is missing`, "nothing was touched; restore the key file");
}

function damaged(path: string): BatonError {
	return bad(
		`${path} cannot be opened: it is damaged or of another key`,
		"nothing was touched; restore it, or the key file, from a backup",
	);
}

function bad(message: string, hint: string): BatonError {
	return new BatonError("bad-state", message, { hint });
}

function tooLarge(name: string, bytes: number): BatonError {
	return new BatonError("internal", `the secret ${name} outgrew its limit: ${bytes} bytes`);
}
