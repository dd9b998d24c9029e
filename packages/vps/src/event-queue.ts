/** Events in the order they came, for one reader that also wakes up by time. */

import type { Clock } from "@baton/io/clock";

/** A reason of our own spares an error with its stack for each event. */
const WOKEN = "woken";

export class EventQueue<E> {
	readonly #clock: Clock;
	readonly #events: E[] = [];
	#sleep = new AbortController();
	#fault: unknown;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	post(event: E): void {
		this.#events.push(event);
		this.wake();
	}

	/** Makes a waiting reader look around. */
	wake(): void {
		this.#sleep.abort(WOKEN);
	}

	/** Ends the reading: `next` throws this from now on. */
	fail(fault: unknown): void {
		this.#fault = fault;
		this.wake();
	}

	/**
	 * The next event; `late` if none came within `ms`; `woken` if there may be other news.
	 *
	 * @throws what `fail` was given
	 */
	async next(ms: number): Promise<E | "late" | "woken"> {
		if (this.#fault !== undefined) throw this.#fault;
		const event = this.#events.shift();
		if (event !== undefined) return event;
		this.#sleep = new AbortController();
		return await this.#clock.sleep(ms, this.#sleep.signal).then(
			() => "late" as const,
			() => "woken" as const,
		);
	}
}
