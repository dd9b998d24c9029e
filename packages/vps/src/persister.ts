/**
 * Persists a record until it is persisted: on a full disk nothing of its machine may go on, and nothing
 * is gained by giving up. What is durable is remembered, since only that may be shown or served.
 */

import { type BackoffTable, backoffDelay } from "@baton/core/backoff";
import type { CustodyRecord } from "@baton/core/custody-state";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import type { CustodyStore } from "./custody-store.ts";

/** Short throughout: a login waits for it. */
const PERSIST_BACKOFF: BackoffTable = [250, SECOND, 2 * SECOND, 5 * SECOND];

/** Why the record cannot be written just now, and what a person can do. */
export interface Trouble {
	readonly reason: string;
	readonly hint: string | undefined;
}

export class Persister {
	readonly #store: CustodyStore;
	readonly #clock: Clock;
	/** Told with the reason when it begins to fail, and with nothing when it works again. */
	readonly #onTrouble: (trouble: Trouble | undefined) => void;
	#durable: CustodyRecord;
	#trouble: Trouble | undefined;
	#busy = false;

	constructor(
		store: CustodyStore,
		clock: Clock,
		durable: CustodyRecord,
		onTrouble: (trouble: Trouble | undefined) => void,
	) {
		this.#store = store;
		this.#clock = clock;
		this.#durable = durable;
		this.#onTrouble = onTrouble;
	}

	/** The record as it is on the disk. */
	get durable(): CustodyRecord {
		return this.#durable;
	}

	get trouble(): Trouble | undefined {
		return this.#trouble;
	}

	/** A record is being written, or waits to be. */
	get busy(): boolean {
		return this.#busy;
	}

	async persist(record: CustodyRecord): Promise<void> {
		this.#busy = true;
		for (let failures = 1; !(await this.#succeeds(record)); failures += 1) {
			await this.#clock.sleep(backoffDelay(PERSIST_BACKOFF, failures, this.#clock.random()));
		}
		this.#busy = false;
	}

	async #succeeds(record: CustodyRecord): Promise<boolean> {
		try {
			await this.#store.save(record);
		} catch (error) {
			if (!(error instanceof BatonError)) throw error;
			this.#tell({ reason: error.message, hint: error.hint });
			return false;
		}
		this.#durable = record;
		this.#tell(undefined);
		return true;
	}

	#tell(trouble: Trouble | undefined): void {
		const changed = (this.#trouble === undefined) !== (trouble === undefined);
		this.#trouble = trouble;
		if (changed) this.#onTrouble(trouble);
	}
}
