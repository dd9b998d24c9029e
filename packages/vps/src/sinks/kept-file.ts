/**
 * A file, or a part of one, in which the newest access token is kept. What it says goes wherever it
 * was asked for; what was there before us and is not ours is left alone.
 */

import { dirname } from "node:path";
import { BatonError } from "@baton/core/error";
import type { SinkLook } from "@baton/core/publish-state";
import {
	proveWritable,
	removeDurably,
	removeLeftovers,
	setMode,
	writeAtomic,
} from "@baton/io/atomic-file";
import type { Clock } from "@baton/io/clock";
import { diskError } from "@baton/io/disk-error";
import { type FileIdentity, identify, isSame } from "@baton/io/file-identity";
import { assertOwnFolder } from "@baton/io/private-folder";
import { readSmall } from "@baton/io/read-small";
import type { AccessToken, Sink, SinkClearance, SinkOutcome } from "./sink.ts";
import type { SinkMemory } from "./sink-memory.ts";

/** What of a file is kept, and how. A text has one character for each byte. */
export interface KeptContent {
	/** What the file is to hold. @throws BatonError where that cannot be, never naming the token */
	fill(before: string | undefined, token: AccessToken): string;
	/** Whether something lies there that is not ours, if we never wrote it. @throws as `fill` */
	isTaken(before: string | undefined): boolean;
	/** The file without what is ours; undefined if nothing is left of it. @throws as `fill` */
	empty(before: string): string | undefined;
	/** More than this it never comes to, whatever the token, beside what is there. Bytes. */
	readonly longest: number;
}

export interface KeptFileOptions {
	readonly name: string;
	/** Absolute. Its folder must be there. */
	readonly path: string;
	readonly mode: number;
	/** Whether what is there and is not ours may be written over. */
	readonly overwrite: boolean;
	/** As which it is remembered that we wrote there. */
	readonly place: string;
	readonly content: KeptContent;
	readonly clock: Clock;
	readonly memory: SinkMemory;
}

const MAX_BYTES = 1024 * 1024;

export function keptFileSink(options: KeptFileOptions): Sink {
	const { name, path, mode, content } = options;
	return {
		name,
		async prove() {
			// What cannot be read, or not be changed safely, cannot be written.
			content.isTaken(await readText(path));
			const bytes = content.longest;
			await proveWritable(path, { mode, ownerOnlyFolder: true, keepGroup: true, bytes });
		},
		look: async (token) => look(await readText(path), token, options),
		clear: async () => await clear(options),
		async write(token) {
			await assertOwnFolder(dirname(path));
			await removeLeftovers(path);
			return await write(token, options);
		},
	};
}

function look(
	text: string | undefined,
	token: AccessToken | undefined,
	options: KeptFileOptions,
): SinkLook {
	if (isTaken(text, token, options)) return "not-ours";
	if (token === undefined) return "fine";
	return options.content.fill(text, token) === text ? "fine" : "changed";
}

async function write(token: AccessToken, options: KeptFileOptions): Promise<SinkOutcome> {
	const { path, place, mode, content, memory, clock } = options;
	const seen = identityOf(path);
	const text = await readText(path);
	if (isTaken(text, token, options)) return { kind: "stepped-back", reason: "not-ours" };
	const filled = content.fill(text, token);
	// Before the write: else, after a crash in between, our own file would look like somebody's.
	await memory.noteWritten(place, clock.now());
	if (filled === text) await setMode(path, { mode, ownerOnlyFolder: true });
	else await replace(filled, seen, options);
	return { kind: "written", disarmed: undefined };
}

/** What lies there afterwards, or will, is somebody's. */
async function clear(options: KeptFileOptions): Promise<SinkClearance> {
	const { path, place, content, memory } = options;
	if (!memory.hasWritten(place)) return "nothing";
	await removeLeftovers(path);
	const seen = identityOf(path);
	const text = await readText(path);
	const left = text === undefined ? undefined : content.empty(text);
	if (text !== undefined && left === undefined) {
		await assertOwnFolder(dirname(path));
		assertUntouched(path, seen);
		await removeDurably(path);
	} else if (left !== undefined && left !== text) {
		await replace(left, seen, options);
	}
	await memory.forget(place);
	return left === text ? "nothing" : "cleared";
}

async function replace(
	text: string,
	seen: FileIdentity | undefined,
	{ path, mode }: KeptFileOptions,
): Promise<void> {
	await writeAtomic(path, Buffer.from(text, "latin1"), {
		mode,
		ownerOnlyFolder: true,
		keepGroup: true,
		laterThanBefore: true,
		beforeRename: () => assertUntouched(path, seen),
	});
}

function isTaken(
	text: string | undefined,
	token: AccessToken | undefined,
	{ overwrite, memory, place, content }: KeptFileOptions,
): boolean {
	if (overwrite || memory.hasWritten(place) || !content.isTaken(text)) return false;
	return token === undefined || content.fill(text, token) !== text;
}

async function readText(path: string): Promise<string | undefined> {
	return (await readSmall(path, { maxBytes: MAX_BYTES }))?.toString("latin1");
}

/** Somebody may be editing the other lines: what they saved meanwhile is not to be lost. */
function assertUntouched(path: string, seen: FileIdentity | undefined): void {
	const now = identityOf(path);
	if (seen === undefined ? now === undefined : isSame(seen, now)) return;
	throw new BatonError("locked", `${path} was changed by somebody else meanwhile`, {
		hint: "it is tried again by itself",
	});
}

function identityOf(path: string): FileIdentity | undefined {
	try {
		return identify(path);
	} catch (error) {
		throw diskError("cannot look at", path, error);
	}
}
