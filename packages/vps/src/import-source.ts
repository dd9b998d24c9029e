/**
 * A credentials file on this machine whose login is taken over: claude's own, or a copy of it such as
 * the one of the OpenClaw plugin `claude-oauth-refresh`.
 */

import { lstat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { disarmEntry, type Reading, readCredentials } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import type { DisarmOutcome } from "@baton/core/import-login";
import type { Fingerprint } from "@baton/core/lineage";
import { writeAtomic } from "@baton/io/atomic-file";
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
 * Blanks the refresh token in a file, if it is this one. A file that is gone or blank was disarmed
 * before, or logged out of: either way nobody spends the token from there.
 */
export async function disarmSource(
	path: string,
	fp: Fingerprint,
	clock: Clock,
): Promise<DisarmOutcome> {
	try {
		if (!isClaudesOwn(path)) return await disarm(path, fp);
		return await withClaudeLocks(dirname(path), { clock }, async (held) => {
			return await disarm(path, fp, () => held.assertHeld());
		});
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { kind: "failed", why: error.message };
	}
}

async function disarm(
	path: string,
	fp: Fingerprint,
	assertHeld: () => void = () => {},
): Promise<DisarmOutcome> {
	const text = await readCredentialsText(path);
	const reading = readCredentials(text);
	if (reading.kind === "unreadable") return { kind: "failed", why: reading.why };
	if (text === undefined || reading.kind === "blank") return { kind: "disarmed" };
	if (reading.fp !== fp) return { kind: "changed", reading };
	const { mode } = await lstat(path);
	await writeAtomic(path, disarmEntry(text), {
		mode: mode & 0o700,
		laterThanBefore: true,
		beforeRename: assertHeld,
	});
	return { kind: "disarmed" };
}
