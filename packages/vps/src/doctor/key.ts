/** Where the key to the state comes from, and whether it lies apart from what it opens. It is never shown. */

import { readdir, realpath } from "node:fs/promises";
import { dirname, join, sep } from "node:path";
import { BatonError } from "@baton/core/error";
import { errnoOf } from "@baton/io/disk-error";
import { type KeyOrigin, readKey } from "@baton/io/key-source";
import { readSmall } from "@baton/io/read-small";
import { SECRETS } from "../state-folder.ts";
import type { Places } from "../surroundings.ts";
import type { Finding } from "./finding.ts";

export interface KeyFacts {
	/** As the running service says; undefined if it is down. */
	readonly origin: KeyOrigin | undefined;
	/** Where the key file lies, or would. */
	readonly file: string;
	readonly isThere: boolean;
	/** What is there is no key, or cannot be read. */
	readonly trouble: { readonly says: string; readonly hint: string | undefined } | undefined;
	/** It is sealed as a systemd credential. */
	readonly isSealed: boolean;
	/** The file is in the state folder, or below it. */
	readonly isWithState: boolean;
	/** There is something to be opened. */
	readonly isNeeded: boolean;
}

const SEALED_MAX_BYTES = 64 * 1024;

export async function lookAtKey(
	{ key: file, sealedKey, state }: Pick<Places, "key" | "sealedKey" | "state">,
	origin: KeyOrigin | undefined,
): Promise<KeyFacts> {
	const sealed = await readSmall(sealedKey, { maxBytes: SEALED_MAX_BYTES }).catch(() => undefined);
	return {
		origin,
		file,
		...(await lookAtFile(file)),
		isSealed: sealed !== undefined,
		isWithState: await isBelow(dirname(file), state),
		isNeeded: await holdsSomething(join(state, SECRETS)),
	};
}

async function lookAtFile(file: string): Promise<Pick<KeyFacts, "isThere" | "trouble">> {
	try {
		return { isThere: (await readKey(file)) !== undefined, trouble: undefined };
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { isThere: true, trouble: { says: error.message, hint: error.hint } };
	}
}

async function isBelow(folder: string, above: string): Promise<boolean> {
	try {
		const [inner, outer] = await Promise.all([realpath(folder), realpath(above)]);
		return inner === outer || inner.startsWith(`${outer}${sep}`);
	} catch {
		return false;
	}
}

async function holdsSomething(folder: string): Promise<boolean> {
	try {
		return (await readdir(folder)).length > 0;
	} catch (error) {
		return errnoOf(error) !== "ENOENT";
	}
}

const about = "key";

export function judgeKey(facts: KeyFacts): Finding {
	const { origin, file, isThere, trouble } = facts;
	if (trouble !== undefined) {
		const hint = trouble.hint ?? `look at ${file}`;
		return { about, gravity: "wrong", says: trouble.says, hint };
	}
	if (origin === "credential" || (origin === "credential-and-file" && !isThere)) {
		return { about, gravity: "well", says: "it is a systemd credential" };
	}
	if (origin === "credential-and-file") {
		const says = `it is a systemd credential, and lies in ${file} as well`;
		const hint = "remove that file, if the key shall open the state on this machine alone";
		return { about, gravity: "doubtful", says, hint };
	}
	return isThere ? judgeFile(facts) : judgeNone(facts);
}

function judgeFile({ origin, file, isSealed, isWithState }: KeyFacts): Finding {
	if (isWithState) {
		const says = `${file} lies with the state that it opens: a copy of that folder is readable`;
		const hint =
			"stop the service, move batond.json and batond.key out of it, and start with --config";
		return { about, gravity: "doubtful", says, hint };
	}
	if (isSealed && origin === "file") {
		const says = `the service takes ${file}, although the key is sealed as a credential too`;
		return {
			about,
			gravity: "doubtful",
			says,
			hint: "batond unit --start; it says why if it cannot",
		};
	}
	return { about, gravity: "well", says: `it is a file, ${file}, apart from the state` };
}

function judgeNone({ origin, file, isSealed, isNeeded }: KeyFacts): Finding {
	if (origin === undefined && isSealed) {
		const says = "it is sealed as a systemd credential, which only the service can open";
		return { about, gravity: "unseen", says };
	}
	if (!isNeeded) {
		return { about, gravity: "well", says: "there is none yet: the service makes it at its start" };
	}
	const says = `${file} is missing, and nothing else opens the state`;
	const hint = "put it back from a backup; without it every login here needs to be made anew";
	return { about, gravity: "wrong", says, hint };
}
