/**
 * A credentials file on this machine whose login is taken over: claude's own, or a copy of it such as
 * the one of the OpenClaw plugin `claude-oauth-refresh`.
 */

import { lstat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { disarmEntry, type Reading, readCredentials } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import type { DisarmOutcome } from "@baton/core/import-login";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import { removeLeftovers, writeAtomic } from "@baton/io/atomic-file";
import { withClaudeLocks } from "@baton/io/claude-locks";
import type { Clock } from "@baton/io/clock";
import { LEFT_ALONE, readCredentialsText } from "@baton/io/read-credentials";
import { CREDENTIALS_FILE } from "./sinks/sink-place.ts";

type Login = Extract<Reading, { kind: "login" }>;

/** claude's own file: whatever is done to it is done under claude's locks. */
export function isClaudesOwn(path: string): boolean {
	return basename(path) === CREDENTIALS_FILE;
}

/**
 * The login that lies in a file.
 *
 * @param path absolute
 * @throws BatonError `bad-credentials` if there is none; `unsafe-path`, `disk-failed`
 */
export async function readSource(path: string): Promise<Login> {
	const text = await readCredentialsText(path);
	if (text === undefined) {
		throw new BatonError("bad-credentials", `there is no file ${path}`, {
			hint: "name a credentials file of claude; mostly ~/.claude/.credentials.json",
		});
	}
	const reading = readCredentials(text);
	switch (reading.kind) {
		case "login":
			return reading;
		case "unreadable":
			throw new BatonError("bad-credentials", `cannot read ${path}: ${reading.why}`, {
				hint: LEFT_ALONE,
			});
		case "blank":
			throw new BatonError("bad-credentials", `${path} holds no login that can be refreshed`, {
				hint: "nothing is to be taken over there: it has no refresh token",
			});
	}
}

/**
 * Blanks the refresh token in a file, if it is this one.
 *
 * @param access of the access token beside it: what a blanked file still shows
 */
export async function disarmSource(
	path: string,
	{ fp, access }: Wanted,
	clock: Clock,
): Promise<DisarmOutcome> {
	try {
		if (!isClaudesOwn(path)) return await disarm(path, { fp, access });
		return await withClaudeLocks(dirname(path), { clock }, async (held) => {
			return await disarm(path, { fp, access }, () => held.assertHeld());
		});
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { kind: "failed", why: error.message, untouched: await stillHolds(path, fp) };
	}
}

/** The login that is meant, by its refresh and its access token. */
export interface Wanted {
	readonly fp: Fingerprint;
	readonly access: Fingerprint;
}

async function stillHolds(path: string, fp: Fingerprint): Promise<boolean> {
	const text = await readCredentialsText(path).catch(() => undefined);
	const reading = readCredentials(text);
	return reading.kind === "login" && reading.fp === fp;
}

async function disarm(
	path: string,
	{ fp, access }: Wanted,
	assertHeld: () => void = () => {},
): Promise<DisarmOutcome> {
	await removeLeftovers(path).catch(() => undefined);
	const text = await readCredentialsText(path);
	const reading = readCredentials(text);
	if (reading.kind === "unreadable") return { kind: "failed", why: reading.why, untouched: false };
	if (text === undefined) return { kind: "changed" };
	if (reading.kind === "blank") {
		const left = reading.session?.accessToken;
		return { kind: left !== undefined && fingerprint(left) === access ? "disarmed" : "changed" };
	}
	if (reading.fp !== fp) return { kind: "changed" };
	const { mode } = await lstat(path);
	await writeAtomic(path, disarmEntry(text), {
		mode: mode & 0o700,
		laterThanBefore: true,
		beforeRename: assertHeld,
	});
	return { kind: "disarmed" };
}
