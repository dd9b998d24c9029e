/**
 * Which places were written here before, durably: only so can a file that a person removed be told
 * from one that was never there, and what is ours from what is somebody else's. A place is a file's
 * path, with `#` and the variable where only that is ours.
 */

import { readState, type StateFormat, writeState } from "@baton/io/state-file";
import * as z from "zod/mini";

export interface SinkMemory {
	hasWritten(place: string): boolean;
	/** Durable on return. @param now wall-clock ms @throws BatonError `disk-failed` */
	noteWritten(place: string, now: number): Promise<void>;
	/** What is there now is somebody else's. Durable on return. @throws BatonError `disk-failed` */
	forget(place: string): Promise<void>;
}

/** By place: when it was first written, wall-clock ms. */
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
	const save = async (next: Written) => {
		await writeState(file, FORMAT, next);
		written = next;
	};
	/** One change after another: each is of what the one before left. */
	const change = (step: () => Promise<void>) => {
		const changed = last.then(step);
		last = changed.catch(() => {});
		return changed;
	};
	return {
		hasWritten: (place) => Object.hasOwn(written, place),
		noteWritten: (place, now) =>
			change(async () => {
				if (!Object.hasOwn(written, place)) await save({ ...written, [place]: now });
			}),
		forget: (place) =>
			change(async () => {
				const { [place]: was, ...others } = written;
				if (was !== undefined) await save(others);
			}),
	};
}
