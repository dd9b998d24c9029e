/** Who owns what Baton keeps, and who may read it. */

import { lstat } from "node:fs/promises";
import { errnoOf } from "@baton/io/disk-error";
import type { Finding } from "./finding.ts";

export type Kind = "file" | "folder" | "socket";

export interface Wanted {
	readonly path: string;
	/** For people: `state folder`. */
	readonly what: string;
	readonly kind: Kind;
	/** Rights that nobody else may have, as in `mode & others`. */
	readonly others: number;
	/** Whether it may be missing. */
	readonly optional: boolean;
}

export interface ModeFacts extends Wanted {
	/** Undefined if nothing is there; `unseen` if it cannot be looked at. */
	readonly found:
		| { readonly kind: Kind | "link" | "other"; readonly uid: number; readonly mode: number }
		| "unseen"
		| undefined;
}

export async function lookAtModes(wanted: readonly Wanted[]): Promise<ModeFacts[]> {
	return await Promise.all(wanted.map(async (one) => ({ ...one, found: await find(one.path) })));
}

async function find(path: string): Promise<ModeFacts["found"]> {
	try {
		const stats = await lstat(path);
		const kind = stats.isSymbolicLink()
			? "link"
			: stats.isDirectory()
				? "folder"
				: stats.isSocket()
					? "socket"
					: stats.isFile()
						? "file"
						: "other";
		return { kind, uid: stats.uid, mode: stats.mode & 0o777 };
	} catch (error) {
		return errnoOf(error) === "ENOENT" ? undefined : "unseen";
	}
}

/** @param uid the user batond runs as */
export function judgeModes(facts: readonly ModeFacts[], uid: number): Finding[] {
	const about = "modes";
	const wrong = facts.flatMap((one) => judgeMode(one, uid));
	if (wrong.length > 0) return wrong.map((finding) => ({ about, ...finding }));
	return [
		{ about, gravity: "well", says: "state, key, settings and sockets are this user's alone" },
	];
}

function judgeMode(one: ModeFacts, uid: number): Omit<Finding, "about">[] {
	const { path, what, found } = one;
	const of = `the ${what}, ${path},`;
	if (found === "unseen") return [{ gravity: "unseen", says: `${of} cannot be looked at` }];
	if (found === undefined) {
		return one.optional ? [] : [{ gravity: "doubtful", says: `${of} is not there` }];
	}
	if (found.kind !== one.kind) {
		const says = `${of} is no ${one.kind} but a ${found.kind === "other" ? "thing" : found.kind}`;
		return [{ gravity: "wrong", says, hint: "look at what it is, and move it away" }];
	}
	if (found.uid !== uid) {
		const says = `${of} belongs to user ${found.uid}, and batond runs as ${uid}`;
		return [{ gravity: "wrong", says, hint: `chown ${uid} ${path}, or run batond as that user` }];
	}
	if ((found.mode & one.others) === 0) return [];
	const says = `${of} is open to others: mode ${found.mode.toString(8).padStart(4, "0")}`;
	return [{ gravity: "wrong", says, hint: `chmod go-rwx ${path}` }];
}
