/**
 * The credentials file of a Claude Code on this machine, with an access token and no refresh token: a
 * running claude takes the changed file with its next request and never refreshes.
 *
 * What is there is read, judged and replaced under one hold of claude's own three locks.
 */

import { chmod, lstat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { CREDENTIALS_MAX_BYTES, readCredentials, writeSession } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import { judgeSinkFile } from "@baton/core/judge-sink-file";
import type { Fingerprint } from "@baton/core/lineage";
import { proveWritable, removeLeftovers, writeAtomic } from "@baton/io/atomic-file";
import { withClaudeLocks } from "@baton/io/claude-locks";
import type { Clock } from "@baton/io/clock";
import { makePrivateFolder } from "@baton/io/private-folder";
import { readSmall } from "@baton/io/read-small";
import type { AccessToken, Sink, SinkOutcome } from "./sink.ts";
import type { SinkMemory } from "./sink-memory.ts";

export interface ClaudeCodeSinkOptions {
	readonly name: string;
	/** claude's configuration folder, absolute; made if it is missing. */
	readonly configDir: string;
	readonly clock: Clock;
	readonly memory: SinkMemory;
	/** Whether a refresh token of this fingerprint is, or ever was, in custody here. */
	isKnown(fp: Fingerprint): boolean;
}

const OWNER_ONLY = { ownerOnlyFolder: true };
const FILE_MODE = 0o600;

export function claudeCodeSink(options: ClaudeCodeSinkOptions): Sink {
	const { name, configDir, clock } = options;
	const file = join(configDir, ".credentials.json");
	return {
		name,
		async prove() {
			await makePrivateFolder(configDir);
			await proveWritable(file, OWNER_ONLY);
		},
		async write(token) {
			await makePrivateFolder(configDir);
			return await withClaudeLocks(configDir, { clock }, async (held) => {
				await removeLeftovers(file);
				return await replace(file, token, options, () => held.assertHeld());
			});
		},
	};
}

async function replace(
	file: string,
	token: AccessToken,
	{ memory, isKnown, clock }: ClaudeCodeSinkOptions,
	assertHeld: () => void,
): Promise<SinkOutcome> {
	const bytes = await readSmall(file, { maxBytes: CREDENTIALS_MAX_BYTES });
	const text = bytes?.toString("utf8");
	const verdict = judgeSinkFile({
		reading: readCredentials(text),
		exists: text !== undefined,
		written: memory.hasWritten(file),
		accessFp: token.accessFp,
		isKnown,
	});
	switch (verdict.kind) {
		case "foreign":
		case "logged-out":
			return { kind: "stepped-back", reason: verdict.kind };
		case "unreadable":
			throw new BatonError("bad-credentials", `cannot read ${file}: ${verdict.why}`, {
				hint: "look at the file; it is left as it is",
			});
		case "same":
			await chmod(file, FILE_MODE);
			break;
		case "write":
		case "disarm": {
			const content = writeSession(text, token.session);
			const before = await mtimeOf(file);
			assertHeld();
			await writeAtomic(file, content, { mode: FILE_MODE, ...OWNER_ONLY });
			await differ(file, before, clock.now());
		}
	}
	await memory.noteWritten(file, clock.now());
	return { kind: "written", disarmed: verdict.kind === "disarm" ? verdict.fp : undefined };
}

async function mtimeOf(file: string): Promise<number | undefined> {
	const stat = await lstat(file).catch(() => undefined);
	return stat?.mtimeMs;
}

/**
 * claude looks at nothing but whether the time of last change differs, and file systems count in
 * coarse steps.
 */
async function differ(file: string, before: number | undefined, now: number): Promise<void> {
	const after = await mtimeOf(file);
	if (before === undefined || after === undefined) return;
	if (Math.floor(after) !== Math.floor(before)) return;
	await utimes(file, now / 1000, (Math.floor(before) + 1_000) / 1000);
}
