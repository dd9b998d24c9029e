/** The running service forgets a device whose line was removed from `authorized_keys`. */

import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import type { ControlRequest, ForgottenAnswer } from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import type { DeviceBook } from "./device-book.ts";
import type { HeardNote } from "./heard-note.ts";

export interface ForgetDeviceOptions {
	readonly clock: Clock;
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly devices: DeviceBook;
	onNote(note: HeardNote): void;
}

/** A custodian that cannot save its state deals with nothing; the device is shut out all the same. */
const PATIENCE = 3 * SECOND;

/** Refuses it first, so that nothing it says comes after what is dealt with here. */
export async function forgetDevice(
	{ device, file }: Extract<ControlRequest, { type: "forget" }>,
	{ clock, custodians, devices, onNote }: ForgetDeviceOptions,
): Promise<ForgottenAnswer> {
	const ended = devices.openOf(device);
	const trouble = await devices.forget(device, file).then(
		() => undefined,
		(error: unknown) => {
			if (error instanceof BatonError) return error.message;
			throw error;
		},
	);
	onNote({ type: "note", level: "info", what: "device-forgotten", device });
	const dealtWith = [...custodians.values()].map((custodian) => custodian.forgetDevice(device));
	await within(PATIENCE, clock, Promise.all(dealtWith));
	return { v: 1, type: "forgotten", ended, ...(trouble === undefined ? {} : { trouble }) };
}

async function within(ms: number, clock: Clock, work: Promise<unknown>): Promise<void> {
	const done = new AbortController();
	const late = clock.sleep(ms, done.signal).catch(() => {});
	await Promise.race([work, late]);
	done.abort();
}
