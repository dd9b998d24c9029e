/** Notices that the wall clock and the monotonic clock have parted: a sleep, a restore, or a step. */

import { SECOND } from "@baton/core/duration";
import type { Clock } from "@baton/io/clock";

/** More than time servers correct between two looks. */
const JUMP = 2 * SECOND;

export class ClockWatch {
	readonly #clock: Clock;
	#offset: number;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#offset = clock.now() - clock.monotonic();
	}

	/** By how much it jumped since the last look, ms; negative when it was set back, 0 if it did not. */
	jumpedBy(): number {
		const offset = this.#clock.now() - this.#clock.monotonic();
		const parted = offset - this.#offset;
		this.#offset = offset;
		return Math.abs(parted) > JUMP ? parted : 0;
	}
}
