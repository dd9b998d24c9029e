/**
 * What happened to each login: one JSON object a line, appended, never a token.
 *
 * A file that is full becomes `audit.1.jsonl`, that one `audit.2.jsonl` and so on; of five the oldest is
 * given up. Whenever the service is killed in between, nothing else is. A line that the disk refuses waits
 * in memory for the next one, so that a disk that was full for a day leaves no hole.
 */

import { constants } from "node:fs";
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { diskError, errnoOf } from "@baton/io/disk-error";
import { syncFolder } from "@baton/io/private-folder";
import type { HeardNote } from "./heard-note.ts";

/** Some ten thousand lines. */
const AUDIT_MAX_BYTES = 2 * 1024 * 1024;
/** Of full files: some years, in 10 MiB with the newest. */
const OLDER_FILES = 4;
/** Lines that wait for the disk. */
const WAITING_MAX = 1_000;

const APPEND =
	constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

export interface AuditOptions {
	/** The state folder. */
	readonly folder: string;
	readonly maxBytes?: number;
	/** A line could not be written: told at the first of a row. */
	onTrouble(error: Error): void;
}

export interface AuditLog {
	/** @param name undefined for what is of no one name. Returns at once; lines keep their order. Custody never waits for its log. */
	write(name: string | undefined, note: HeardNote, at: number): void;
	/** Resolves once everything so far is written, or could not be. */
	flushed(): Promise<void>;
}

export function openAudit({
	folder,
	maxBytes = AUDIT_MAX_BYTES,
	onTrouble,
}: AuditOptions): AuditLog {
	const path = join(folder, "audit.jsonl");
	let last = Promise.resolve();
	let failing = false;
	const waiting: string[] = [];
	const append = async (line: string) => {
		waiting.push(line);
		if (waiting.length > WAITING_MAX) waiting.shift();
		try {
			await appendTo(path, waiting.join(""));
			waiting.length = 0;
			await rotate(path, maxBytes);
			failing = false;
		} catch (error) {
			if (!failing) onTrouble(diskError("cannot write", path, error));
			failing = true;
		}
	};
	return {
		write(name, note, at) {
			last = last.then(() => append(lineOf(name, note, at)));
		},
		flushed: () => last,
	};
}

/** Only the fields that are named here, whatever else a note may come to bear. */
function lineOf(name: string | undefined, note: HeardNote, at: number): string {
	const { level, what, fp, lineageId, generation, device, sink, reason } = note;
	const time = new Date(at).toISOString();
	const fields = { at: time, name, level, what, fp, lineageId, generation, device, sink, reason };
	return `${JSON.stringify(fields)}\n`;
}

/** From the first name that is free, as a kill may leave one, so that only the oldest is written over. */
async function rotate(path: string, maxBytes: number): Promise<void> {
	if ((await stat(path)).size < maxBytes) return;
	let free = 1;
	while (free < OLDER_FILES && (await isThere(nameOf(path, free)))) free += 1;
	for (let n = free; n > 0; n -= 1) await rename(nameOf(path, n - 1), nameOf(path, n));
	await syncFolder(dirname(path));
}

function nameOf(path: string, n: number): string {
	return n === 0 ? path : path.replace(/\.jsonl$/, `.${n}.jsonl`);
}

async function isThere(path: string): Promise<boolean> {
	return await stat(path).then(
		() => true,
		(error: unknown) => {
			if (errnoOf(error) === "ENOENT") return false;
			throw error;
		},
	);
}

async function appendTo(path: string, line: string): Promise<void> {
	const handle = await open(path, APPEND, 0o600);
	try {
		await handle.appendFile((await isTorn(handle)) ? `\n${line}` : line);
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** A full disk or a power cut has left half a line, which must not swallow the next one. */
async function isTorn(handle: FileHandle): Promise<boolean> {
	const { size } = await handle.stat();
	if (size === 0) return false;
	const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
	return buffer.toString() !== "\n";
}
