/**
 * Which files were written here before, durably: only so can a file that a person removed be told from
 * one that was never there.
 */

import { readState, type StateFormat, writeState } from "@baton/io/state-file";
import * as z from "zod/mini";

export interface SinkMemory {
	hasWritten(path: string): boolean;
	/** Durable on return. @param now wall-clock ms @throws BatonError `disk-failed` */
	noteWritten(path: string, now: number): Promise<void>;
}

/** By path: when it was first written, wall-clock ms. */
type Written = Readonly<Record<string, number>>;

const schema = z.record(z.string(), z.number());

const FORMAT: StateFormat<Written> = {
	format: "batond-sinks",
	version: 1,
	parse: (data) => schema.parse(data),
};

/** @throws BatonError `bad-state` for a damaged or newer file, which is left as it is */
export async function openSinkMemory(file: string): Promise<SinkMemory> {
	let written: Written = (await readState(file, FORMAT)) ?? {};
	let last: Promise<void> = Promise.resolve();
	const note = async (path: string, now: number) => {
		if (Object.hasOwn(written, path)) return;
		const next = { ...written, [path]: now };
		await writeState(file, FORMAT, next);
		written = next;
	};
	return {
		hasWritten: (path) => Object.hasOwn(written, path),
		noteWritten(path, now) {
			const noted = last.then(() => note(path, now));
			last = noted.catch(() => {});
			return noted;
		},
	};
}
