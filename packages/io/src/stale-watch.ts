/**
 * Tells an abandoned lock from one whose owner cannot touch it just now.
 *
 * A laptop that wakes finds every lock minutes old, those of living owners too. So an old lock counts
 * as abandoned only after it has also been seen untouched for a while, by an observer that was awake
 * all that time: any gap in the watching starts it afresh.
 */
import type { Clock } from "./clock.ts";
import { type FileIdentity, identify, isSame } from "./file-identity.ts";

/** Longer than this between two looks, or a wall clock that moved by more, is a gap. Ms. */
const GAP_MS = 2000;

export interface StaleLimits {
	/** Ms since its last touch after which a lock may be abandoned. */
	staleMs: number;
	/** Ms it must in addition be seen untouched. */
	graceMs: number;
}

interface Sighting {
	identity: FileIdentity;
	unchangedMs: number;
}

export class StaleWatch {
	readonly #clock: Clock;
	readonly #limits: StaleLimits;
	readonly #sightings = new Map<string, Sighting>();
	#last: { now: number; monotonic: number } | undefined;

	constructor(clock: Clock, limits: StaleLimits) {
		this.#clock = clock;
		this.#limits = limits;
	}

	/** Looks at each lock once; call it every 100 ms or so. */
	look(paths: readonly string[]): void {
		const step = this.#step();
		for (const path of paths) {
			const identity = identify(path);
			const known = this.#sightings.get(path);
			if (identity === undefined) this.#sightings.delete(path);
			else if (known === undefined || step === undefined || !isSame(known.identity, identity)) {
				this.#sightings.set(path, { identity, unchangedMs: 0 });
			} else known.unchangedMs += step;
		}
	}

	/** The lock as it was seen, if it is abandoned by its age; what its owner does is not known here. */
	abandoned(path: string): FileIdentity | undefined {
		const sighting = this.#sightings.get(path);
		if (sighting === undefined) return undefined;
		const { staleMs, graceMs } = this.#limits;
		const { identity, unchangedMs } = sighting;
		const ageMs = this.#clock.now() - Number(identity.modified / 1_000_000n);
		// The second is for a lock dated in the future by a clock that was wrong.
		const isStale = (ageMs >= staleMs && unchangedMs >= graceMs) || unchangedMs >= staleMs;
		return isStale ? identity : undefined;
	}

	/** Ms since the last look; undefined after a gap. */
	#step(): number | undefined {
		const [now, monotonic] = [this.#clock.now(), this.#clock.monotonic()];
		const last = this.#last;
		this.#last = { now, monotonic };
		if (last === undefined) return undefined;
		const step = monotonic - last.monotonic;
		const drift = Math.abs(now - last.now - step);
		return step > GAP_MS || drift > GAP_MS ? undefined : step;
	}
}
