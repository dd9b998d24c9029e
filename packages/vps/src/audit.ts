/**
 * What happened to each login: one JSON object a line, appended, never a token. Two files at most; the
 * older one is given up when the newer one is full.
 */

import { constants } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { diskError } from "@baton/io/disk-error";
import type { HeardNote } from "./heard-note.ts";

/** Some ten thousand lines. */
const AUDIT_MAX_BYTES = 2 * 1024 * 1024;

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
	const append = async (line: string) => {
		try {
			await appendBounded(path, line, maxBytes);
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

async function appendBounded(path: string, line: string, maxBytes: number): Promise<void> {
	const size = await appendTo(path, line);
	if (size >= maxBytes) await rename(path, path.replace(/\.jsonl$/, ".1.jsonl"));
}

async function appendTo(path: string, line: string): Promise<number> {
	const handle = await open(path, APPEND, 0o600);
	try {
		await handle.appendFile((await isTorn(handle)) ? `\n${line}` : line);
		return (await handle.stat()).size;
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
