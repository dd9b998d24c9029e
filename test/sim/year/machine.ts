/** The VPS as a machine: away at times, and with a clock of its own that is set now and then. */

import { DAY } from "@baton/core/duration";
import type { Clock } from "@baton/io/clock";
import type { Random } from "../random.ts";
import type { Timeline } from "../timeline.ts";
import { type Absence, START, type Year } from "./weather.ts";

/** What runs on the machine. */
export interface Tenant {
	/** Power comes on. */
	boot(): void;
	/** Asked to end; whatever has not by the time the machine comes back is killed. */
	stop(): void;
	/** Ends on the spot. */
	kill(): void;
	/** After a sleep, or when the clock was set. */
	disturbed(): void;
}

/** A process that was killed hears nothing any more. */
interface Process {
	isAlive: boolean;
}

export interface Presence {
	isAlive(): boolean;
	/** Resolves when the machine is awake; never for a process that has been killed. */
	awake(): Promise<void>;
}

export class Machine {
	readonly #timeline: Timeline;
	readonly #random: Random;
	/** True times at which something befalls the machine, in order. */
	readonly #moments: readonly number[];
	#asleepUntil = 0;
	/** True ms slept through so far, up to the end of a sleep that lasts. */
	#slept = 0;
	#skew = 0;
	#process: Process = { isAlive: true };

	constructor(year: Year, timeline: Timeline, random: Random) {
		this.#timeline = timeline;
		this.#random = random;
		const { absences, steps } = year;
		const moments = absences.flatMap(({ from, until }) => [from, until]);
		this.#moments = [...moments, ...steps.map(({ at }) => at), year.end].sort((a, b) => a - b);
	}

	/** Wall clock, ms. */
	get now(): number {
		return this.#timeline.now + this.#skew;
	}

	get isAsleep(): boolean {
		return this.#timeline.now < this.#asleepUntil;
	}

	/** True time of an instant of the wall clock, as long as that is not set. */
	trueTime(wall: number): number {
		return wall - this.#skew;
	}

	/** Lets the year happen to the machine. */
	live({ absences, steps }: Year, tenant: Tenant): void {
		const at = (time: number, run: () => void) =>
			this.#timeline.after(time - this.#timeline.now, run);
		tenant.boot();
		for (const absence of absences) at(absence.from, () => this.#leave(absence, tenant));
		for (const { at: time, by } of steps) {
			at(time, () => {
				this.#skew += by;
				tenant.disturbed();
			});
		}
	}

	#leave({ kind, from, until }: Absence, tenant: Tenant): void {
		if (kind === "asleep") {
			this.#asleepUntil = until;
			this.#slept += until - from;
			this.#timeline.after(until - from, () => tenant.disturbed());
			return;
		}
		const kill = () => {
			this.#process.isAlive = false;
			tenant.kill();
		};
		if (kind === "crash") kill();
		else tenant.stop();
		this.#timeline.after(until - from, () => {
			kill();
			this.#process = { isAlive: true };
			tenant.boot();
		});
	}

	/** For the process that runs now: what it has begun outside goes on only while it runs. */
	presence(): Presence {
		const process = this.#process;
		return {
			isAlive: () => process.isAlive,
			awake: () =>
				new Promise((resolve) => {
					const look = () => {
						if (!process.isAlive) return;
						if (!this.isAsleep) return resolve();
						this.#timeline.after(this.#asleepUntil - this.#timeline.now, look);
					};
					look();
				}),
		};
	}

	/**
	 * The clock of the process that runs now.
	 *
	 * @param restsUntil wall-clock ms before which one that sleeps its longest has nothing to do: it is
	 * spared the looks in between, up to the next thing that befalls the machine
	 * @param looksAround not even those are for it to miss
	 */
	clock(longest: number, restsUntil: () => number, looksAround = true): Clock {
		const process = this.#process;
		return {
			now: () => this.now,
			monotonic: () => this.#monotonic(),
			random: () => this.#random.next(),
			sleep: (ms, signal) =>
				this.#sleep(process, ms < longest ? ms : this.#rest(ms, restsUntil(), looksAround), signal),
		};
	}

	#monotonic(): number {
		const ahead = Math.max(0, this.#asleepUntil - this.#timeline.now);
		return this.#timeline.now - START - (this.#slept - ahead);
	}

	/** As many of its sleeps as bring it beyond what comes next; a step is noticed no sooner than in life. */
	#rest(ms: number, untilWall: number, looksAround: boolean): number {
		const { now } = this.#timeline;
		if (!looksAround) return Math.max(ms, Math.min(untilWall - this.now, DAY));
		const next = this.#moments.find((at) => at > now) ?? Number.POSITIVE_INFINITY;
		const whole = Math.max(1, Math.ceil((next - now) / ms)) * ms;
		return Math.min(whole, Math.max(ms, untilWall - this.now));
	}

	#sleep(process: Process, ms: number, signal: AbortSignal | undefined): Promise<void> {
		if (signal?.aborted) return Promise.reject(signal.reason);
		if (ms <= 0) return Promise.resolve();
		const due = this.#monotonic() + ms;
		return new Promise((resolve, reject) => {
			let over = false;
			const onAbort = () => {
				if (over || !process.isAlive) return;
				over = true;
				reject(signal?.reason);
			};
			const look = () => {
				if (over || !process.isAlive) return;
				const left = due - this.#monotonic();
				const asleep = Math.max(0, this.#asleepUntil - this.#timeline.now);
				if (left > 0 || asleep > 0)
					return void this.#timeline.after(asleep + Math.max(left, 0), look);
				over = true;
				signal?.removeEventListener("abort", onAbort);
				resolve();
			};
			signal?.addEventListener("abort", onAbort, { once: true });
			look();
		});
	}
}
