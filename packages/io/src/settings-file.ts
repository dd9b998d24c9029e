/** The settings a person edits by hand: JSON, so a fault has to be shown where it stands. */
import { BatonError } from "@baton/core/error";
import { jsonFault } from "./json-fault.ts";
import { readSmall } from "./read-small.ts";

/** Nobody writes this much by hand, bytes. */
const MAX_BYTES = 256 * 1024;

/**
 * What the file holds, not yet checked; undefined if it is missing. A byte order mark, as some
 * Windows editors write, is passed over.
 *
 * @throws BatonError `bad-settings` with line and column, never with the content; `unsafe-path` and
 * `disk-failed` as `readSmall`
 */
export async function readSettings(path: string): Promise<unknown> {
	const bytes = await readSmall(path, { maxBytes: MAX_BYTES });
	if (bytes === undefined) return undefined;
	const text = decode(bytes, path);
	try {
		return JSON.parse(text);
	} catch {
		const { line, column } = jsonFault(text) ?? { line: 1, column: 1 };
		throw new BatonError("bad-settings", `${path}:${line}:${column} is not JSON from here on`, {
			hint: "look for a missing or needless comma, quote or bracket there",
		});
	}
}

function decode(bytes: Uint8Array, path: string): string {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		throw new BatonError("bad-settings", `${path} is not UTF-8`, {
			hint: "save it as UTF-8 and try again",
		});
	}
}

/**
 * The known key that an unknown one was probably meant to be, if one is near: a third of its letters
 * may be wrong, missing, needless or swapped with their neighbour. Case does not count.
 */
export function suggestKey(unknown: string, known: readonly string[]): string | undefined {
	let best: string | undefined;
	let least = Math.floor(unknown.length / 3) + 1;
	for (const key of known) {
		const distance = editDistance(unknown.toLowerCase(), key.toLowerCase());
		if (distance < least) [best, least] = [key, distance];
	}
	return best;
}

/** Optimal string alignment: insertions, deletions, changes and swaps of neighbours. */
function editDistance(a: string, b: string): number {
	let older: number[] = [];
	let previous = Array.from({ length: b.length + 1 }, (_, n) => n);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const change = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
			const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
			const swap = isSwap ? at(older, j - 2) + 1 : change;
			row.push(Math.min(at(previous, j) + 1, at(row, j - 1) + 1, change, swap));
		}
		[older, previous] = [previous, row];
	}
	return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Number.POSITIVE_INFINITY;
}
