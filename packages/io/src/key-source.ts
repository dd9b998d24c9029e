/**
 * Where the key of a secret store comes from: a file, or what the system gives to the service.
 *
 * To go from one to the other, both are there for a while, and are then the same; two different keys are
 * refused before anything is read or written with either.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
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

export interface KeyPlaces {
	/** The file in which the system hands a credential to this process, if there is one. */
	credential: string | undefined;
	file: string;
}

/** `credential-and-file`: the same key lies in the file as well, where it is not needed. */
export type KeyOrigin = "credential" | "credential-and-file" | "file";

export interface OpenedKey {
	origin: KeyOrigin;
	source: KeySource;
}

/**
 * The key the system gives, where it gives one; else that of the file, which is made when it is needed.
 *
 * @throws BatonError `bad-state` for two different keys, or what is no key; `disk-failed`, `unsafe-path`
 */
export async function openKey({ credential, file }: KeyPlaces): Promise<OpenedKey> {
	const given = credential === undefined ? undefined : await readKey(credential);
	if (given === undefined) return { origin: "file", source: keyFile(file) };
	const source = { key: async () => given };
	const spare = await readKey(file);
	if (spare === undefined) return { origin: "credential", source };
	if (timingSafeEqual(given, spare)) return { origin: "credential-and-file", source };
	throw new BatonError("bad-state", `the credential and ${file} are two different keys`, {
		hint: "nothing was touched; take away the one that is not the key of this state folder",
	});
}

/** @throws BatonError `bad-state` if it is no key; `disk-failed`, `unsafe-path` */
export async function readKey(path: string): Promise<Buffer | undefined> {
	const key = await readSmall(path, { maxBytes: KEY_BYTES * 2 });
	if (key === undefined || key.length === KEY_BYTES) return key;
	throw new BatonError("bad-state", `${path} is not a key of ${KEY_BYTES} bytes`, {
		hint: "nothing was touched; restore it from a backup",
	});
}
