/**
 * The credentials file of a Claude Code on this machine, with an access token and no refresh token: a
 * running claude takes the changed file with its next request and never refreshes.
 *
 * What is there is read, judged and replaced under one hold of claude's own three locks.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCredentials, removeEntry, writeSession } from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import { judgeSinkFile, type SinkFileVerdict } from "@baton/core/judge-sink-file";
import type { Fingerprint } from "@baton/core/lineage";
import type { SinkLook } from "@baton/core/publish-state";
import { proveWritable, removeLeftovers, setMode, writeAtomic } from "@baton/io/atomic-file";
import { withClaudeLocks } from "@baton/io/claude-locks";
import type { Clock } from "@baton/io/clock";
import { makePrivateFolder } from "@baton/io/private-folder";
import { readCredentialsText } from "@baton/io/read-credentials";
import type { AccessToken, Sink, SinkClearance, SinkOutcome } from "./sink.ts";
import type { SinkMemory } from "./sink-memory.ts";
import { CREDENTIALS_FILE } from "./sink-place.ts";

export interface ClaudeCodeSinkOptions {
	readonly name: string;
	/** claude's configuration folder, absolute; made if it is missing. */
	readonly configDir: string;
	readonly clock: Clock;
	readonly memory: SinkMemory;
	/** Whether a refresh token of this fingerprint is, or ever was, in custody here. */
	isKnown(fp: Fingerprint): boolean;
	/** Whether this file is just being disarmed for an import: what it shows is evidence until then. */
	isDisarming(path: string): boolean;
}

const FILE = { mode: 0o600, ownerOnlyFolder: true };

export function claudeCodeSink(options: ClaudeCodeSinkOptions): Sink {
	const { name, configDir, clock } = options;
	const file = join(configDir, CREDENTIALS_FILE);
	return {
		name,
		async prove() {
			await makePrivateFolder(configDir);
			const reading = readCredentials(await readCredentialsText(file));
			if (reading.kind === "unreadable") throw unreadable(file, reading.why);
			await proveWritable(file, FILE);
		},
		async look(token) {
			const verdict = judge(file, await readCredentialsText(file), token, options);
			if (verdict.kind === "foreign") await options.memory.forget(file);
			return LOOKS[verdict.kind];
		},
		clear: async () =>
			existsSync(configDir)
				? await withClaudeLocks(configDir, { clock }, (held) =>
						clear(file, options, () => held.assertHeld()),
					)
				: "nothing",
		async write(token) {
			await makePrivateFolder(configDir);
			return await withClaudeLocks(configDir, { clock }, async (held) => {
				await removeLeftovers(file);
				return await replace(file, token, options, () => held.assertHeld());
			});
		},
	};
}

const LOOKS: Readonly<Record<SinkFileVerdict["kind"], SinkLook>> = {
	same: "fine",
	write: "changed",
	disarm: "changed",
	foreign: "foreign",
	"logged-out": "logged-out",
	unreadable: "unreadable",
};

async function replace(
	file: string,
	token: AccessToken,
	options: ClaudeCodeSinkOptions,
	assertHeld: () => void,
): Promise<SinkOutcome> {
	const { memory, clock } = options;
	if (options.isDisarming(file)) throw takenOver(file);
	const text = await readCredentialsText(file);
	const verdict = judge(file, text, token, options);
	switch (verdict.kind) {
		case "foreign":
			// From here on the file is theirs: when it goes, no login of ours was logged out.
			await memory.forget(file);
			return { kind: "stepped-back", reason: verdict.kind };
		case "logged-out":
			return { kind: "stepped-back", reason: verdict.kind };
		case "unreadable":
			throw unreadable(file, verdict.why);
		case "same":
			await setMode(file, FILE);
			break;
		case "write":
		case "disarm": {
			const content = writeSession(text, token.session);
			await writeAtomic(file, content, {
				...FILE,
				// claude looks at nothing but whether the time of last change differs.
				laterThanBefore: true,
				beforeRename: assertHeld,
			});
		}
	}
	await memory.noteWritten(file, clock.now());
	return { kind: "written", disarmed: verdict.kind === "disarm" ? verdict.fp : undefined };
}

/** The entry goes; the file stays, since a file that is gone would look like a person's logout. */
async function clear(
	file: string,
	options: ClaudeCodeSinkOptions,
	assertHeld: () => void,
): Promise<SinkClearance> {
	const { memory } = options;
	if (options.isDisarming(file)) throw takenOver(file);
	await removeLeftovers(file);
	const text = await readCredentialsText(file);
	const reading = readCredentials(text);
	const verdict = judge(file, text, undefined, options);
	if (verdict.kind === "unreadable") throw unreadable(file, verdict.why);
	if (verdict.kind === "foreign") {
		await memory.forget(file);
		return verdict.kind;
	}
	if (verdict.kind === "logged-out") return verdict.kind;
	const isOurs = verdict.kind === "disarm" || memory.hasWritten(file);
	if (text === undefined || !isOurs || !("session" in reading) || reading.session === undefined) {
		return "nothing";
	}
	const rest = removeEntry(text) ?? "{}";
	await writeAtomic(file, rest, { ...FILE, laterThanBefore: true, beforeRename: assertHeld });
	return "cleared";
}

function takenOver(file: string): BatonError {
	return new BatonError("locked", `${file} is just being taken over`, {
		hint: "it is tried again by itself",
	});
}

function judge(
	file: string,
	text: string | undefined,
	token: AccessToken | undefined,
	{ memory, isKnown }: ClaudeCodeSinkOptions,
): SinkFileVerdict {
	return judgeSinkFile({
		reading: readCredentials(text),
		exists: text !== undefined,
		written: memory.hasWritten(file),
		accessFp: token?.accessFp,
		isKnown,
	});
}

function unreadable(file: string, why: string): BatonError {
	return new BatonError("bad-credentials", `cannot read ${file}: ${why}`, {
		hint: "look at the file; it is left as it is",
	});
}
