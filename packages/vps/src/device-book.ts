/**
 * Which devices spoke to this service, when last, and which are forgotten.
 *
 * The last contact is exact while the service runs, and on the disk to the hour, so that a device costs
 * a write an hour and not one a request. That a device is forgotten is durable before it is told.
 */

import { HOUR } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readState, type StateFormat, writeState } from "@baton/io/state-file";
import * as z from "zod/mini";
import { readAuthorizedKeys } from "./authorized-keys-file.ts";
import type { DeviceFacts } from "./control-message.ts";

/** Wall-clock ms throughout. */
interface Known {
	readonly lastContact?: number | undefined;
	/** When, and the `authorized_keys` that a line for it was removed from. */
	readonly forgotten?: { readonly at: number; readonly file: string } | undefined;
}

const schema = z.record(
	z.string(),
	z.object({
		lastContact: z.optional(z.number()),
		forgotten: z.optional(z.object({ at: z.number(), file: z.string() })),
	}),
);

const FORMAT: StateFormat<Readonly<Record<string, Known>>> = {
	format: "batond-devices",
	version: 1,
	parse: (data) => schema.parse(data),
};

/** A device costs a write so often. */
const COARSE = HOUR;
/** More names than anybody pairs: of those that only spoke, the longest silent are let go. */
const DEVICES_MAX = 256;

/** One end of a conversation. */
export interface Ending {
	destroy(): void;
}

export class DeviceBook {
	readonly #file: string;
	readonly #clock: Clock;
	readonly #known: Map<string, Known>;
	/** The last contacts as they are on the disk. */
	readonly #durable: Map<string, number | undefined>;
	readonly #open = new Map<string, Set<Ending>>();
	#last: Promise<void> = Promise.resolve();

	private constructor(file: string, clock: Clock, known: Readonly<Record<string, Known>>) {
		this.#file = file;
		this.#clock = clock;
		this.#known = new Map(Object.entries(known));
		this.#durable = new Map();
		this.#noteDurable();
	}

	/** @throws BatonError `bad-state` for a damaged or newer file, which is left as it is */
	static async open(file: string, clock: Clock): Promise<DeviceBook> {
		return new DeviceBook(file, clock, (await readState(file, FORMAT)) ?? {});
	}

	isForgotten(device: string): boolean {
		return this.#known.get(device)?.forgotten !== undefined;
	}

	/**
	 * Whether the device may speak. One that was forgotten may again once a person has given it a line
	 * in the file that its last one was removed from.
	 */
	async admits(device: string): Promise<boolean> {
		const forgotten = this.#known.get(device)?.forgotten;
		if (forgotten === undefined) return true;
		const keys = await readAuthorizedKeys(forgotten.file).catch(orNone);
		if (keys?.entries.some((entry) => entry.device === device) !== true) return false;
		this.#set(device, { forgotten: undefined });
		await this.#save().catch(orNone);
		return true;
	}

	/** A conversation has begun. Gives what to call when it is over. */
	attach(device: string, conversation: Ending): () => void {
		const open = this.#open.get(device) ?? new Set();
		this.#open.set(device, open.add(conversation));
		return () => {
			open.delete(conversation);
			if (open.size === 0 && this.#open.get(device) === open) this.#open.delete(device);
		};
	}

	/**
	 * The device has said something. Resolves once that is on the disk as far as it will be; a disk that
	 * refuses costs only the memory of it.
	 */
	async spoke(device: string): Promise<void> {
		const now = this.#clock.now();
		this.#set(device, { lastContact: now });
		const before = this.#durable.get(device);
		if (before !== undefined && now >= before && now - before < COARSE) return;
		this.#durable.set(device, now);
		await this.#save().catch(orNone);
	}

	/**
	 * Ends what is open and refuses the device from here on; both are done at once, whatever is thrown.
	 *
	 * @param file the `authorized_keys` that a new line for it may come to stand in
	 * @throws BatonError `disk-failed`: it is forgotten until the service ends only
	 */
	async forget(device: string, file: string): Promise<void> {
		this.#set(device, { forgotten: { at: this.#clock.now(), file } });
		for (const conversation of this.#open.get(device) ?? []) conversation.destroy();
		await this.#save();
	}

	/** Conversations with it that are open now. */
	openOf(device: string): number {
		return this.#open.get(device)?.size ?? 0;
	}

	facts(): DeviceFacts[] {
		return [...this.#known].map(([device, { lastContact, forgotten }]) => ({
			device,
			...(lastContact === undefined ? {} : { lastContact }),
			...(forgotten === undefined ? {} : { forgottenAt: forgotten.at }),
			open: this.openOf(device),
		}));
	}

	/** Saves what is known more exactly than on the disk. */
	async close(): Promise<void> {
		await this.#save().catch(orNone);
	}

	#set(device: string, fields: Known): void {
		const whole = { ...this.#known.get(device), ...fields };
		this.#known.delete(device);
		this.#known.set(device, whole);
		const silent = [...this.#known].find(([, { forgotten }]) => forgotten === undefined);
		if (this.#known.size > DEVICES_MAX && silent !== undefined) this.#known.delete(silent[0]);
	}

	#save(): Promise<void> {
		const saved = this.#last.then(async () => {
			await writeState(this.#file, FORMAT, Object.fromEntries(this.#known));
			this.#noteDurable();
		});
		this.#last = saved.catch(() => {});
		return saved;
	}

	#noteDurable(): void {
		this.#durable.clear();
		for (const [device, { lastContact }] of this.#known) this.#durable.set(device, lastContact);
	}
}

/** What the disk refuses is no reason to fail; any other fault is better seen. */
function orNone(error: unknown): undefined {
	if (!(error instanceof BatonError)) throw error;
	return undefined;
}
