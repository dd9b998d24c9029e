/** Notices that the machine has slept: wall time went on while monotonic time, or the timers, did not. */

import { SECOND } from "@baton/core/duration";
import type { Clock } from "@baton/io/clock";

/** More than time servers correct between two looks, and less than anybody's nap. */
const PARTED = 5 * SECOND;

export class SleepWatch {
	readonly #clock: Clock;
	#offset: number;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#offset = clock.now() - clock.monotonic();
	}

	/** Whether the two clocks have parted since the last look. */
	hasSlept(): boolean {
		const offset = this.#clock.now() - this.#clock.monotonic();
		const parted = Math.abs(offset - this.#offset);
		this.#offset = offset;
		return parted > PARTED;
	}
}
