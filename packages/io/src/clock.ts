/**
 * Time and chance, injected wherever they matter so that tests can turn them.
 *
 * Wall time says when a token expires and may step or jump; monotonic time says how long something
 * took. Whether monotonic time runs on while the machine sleeps differs by system: where that
 * matters, compare the two.
 */
import { setImmediate } from "node:timers/promises";

export interface Clock {
	/** Wall-clock time, ms since 1970. Steps when someone sets the clock. */
	now(): number;
	/** Ms since an arbitrary start; never goes back. */
	monotonic(): number;
	/**
	 * Resolves after `ms`, however many; at once when 0 or less. Rejects with the signal's reason
	 * when it is aborted.
	 */
	sleep(ms: number, signal?: AbortSignal): Promise<void>;
	/** At least 0 and less than 1; for jitter, not for secrets. */
	random(): number;
}

/** The longest a Node timer can wait, ms; a longer one fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The machine's own. */
export const systemClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	random: () => Math.random(),
	async sleep(ms, signal) {
		for (let left = ms; left > 0; left -= LONGEST_TIMER) {
			await timer(Math.min(left, LONGEST_TIMER), signal);
		}
		signal?.throwIfAborted();
	},
};

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve, reject) => {
		if (signal?.aborted) return reject(signal.reason);
		const onAbort = () => {
			clearTimeout(timeout);
			reject(signal?.reason);
		};
		const timeout = setTimeout(() => {
			signal?.removeEventListener("abort", onAbort);
			resolve();
		}, ms);
		signal?.addEventListener("abort", onAbort, { once: true });
	});
}

/** A clock that stands still until a test turns it. */
export interface FakeClock extends Clock {
	/**
	 * Lets `ms` pass: wakes each sleeper that comes due in its order, and lets what it does run,
	 * before the next.
	 */
	advance(ms: number): Promise<void>;
	/** Steps wall time only, as setting the clock does, or a machine that slept for `ms`. */
	jump(ms: number): void;
	/** How many wait in `sleep` now. */
	readonly sleepers: number;
}

interface Sleeper {
	due: number;
	wake: () => void;
}

/**
 * A clock for tests.
 *
 * @param start wall time to begin at, ms since 1970
 * @param random what `random` answers, each time
 */
export function fakeClock(start = 1_800_000_000_000, random = 0.5): FakeClock {
	const sleepers = new Set<Sleeper>();
	let elapsed = 0;
	let offset = start;

	function nextDue(end: number): Sleeper | undefined {
		let next: Sleeper | undefined;
		for (const sleeper of sleepers) {
			if (sleeper.due <= end && (next === undefined || sleeper.due < next.due)) next = sleeper;
		}
		return next;
	}

	return {
		now: () => offset + elapsed,
		monotonic: () => elapsed,
		random: () => random,
		get sleepers() {
			return sleepers.size;
		},
		jump(ms) {
			offset += ms;
		},
		async advance(ms) {
			const end = elapsed + ms;
			await settle();
			for (let next = nextDue(end); next !== undefined; next = nextDue(end)) {
				elapsed = next.due;
				next.wake();
				await settle();
			}
			elapsed = end;
		},
		sleep(ms, signal) {
			return new Promise((resolve, reject) => {
				if (signal?.aborted) return reject(signal.reason);
				if (ms <= 0) return resolve();
				const onAbort = () => {
					sleepers.delete(sleeper);
					reject(signal?.reason);
				};
				const sleeper: Sleeper = {
					due: elapsed + ms,
					wake() {
						sleepers.delete(sleeper);
						signal?.removeEventListener("abort", onAbort);
						resolve();
					},
				};
				sleepers.add(sleeper);
				signal?.addEventListener("abort", onAbort, { once: true });
			});
		},
	};
}

/** A few turns of the event loop: enough for promises, streams and most of what asks the disk. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 10; turn++) await setImmediate();
}
