/**
 * The two habits people have without a custodian, taken at their word and given the benefit of every
 * doubt: the token they bring is in use at once, and nothing else of their machinery ever fails.
 *
 * `heartbeat`: at each beat of an agent, every 30 minutes, the login is refreshed if its access token ends
 * within 2 hours. `plugin`: a timer in a gateway looks at its start and every 30 minutes, and refreshes
 * within the last 10. Both keep one file. What fails is tried again at the next look and not before; an
 * intent is not written down, so a refresh whose answer was lost is simply sent again.
 */

import { HOUR, MINUTE } from "@baton/core/duration";
import { judgeRefresh } from "@baton/core/oauth";
import type { ArmedSession, Session } from "@baton/core/session";
import { rotate } from "@baton/core/tokens";
import type { Timeline } from "../timeline.ts";
import type { Line } from "./line.ts";
import type { Machine, Tenant } from "./machine.ts";
import { spanOver, type Year } from "./weather.ts";

export interface Habit {
	readonly every: number;
	readonly before: number;
	readonly looksAtStart: boolean;
	/** What could not be written to the file is remembered until the process ends. */
	readonly remembers: boolean;
}

export const HEARTBEAT: Habit = {
	every: 30 * MINUTE,
	before: 2 * HOUR,
	looksAtStart: false,
	remembers: false,
};

export const PLUGIN: Habit = {
	every: 30 * MINUTE,
	before: 10 * MINUTE,
	looksAtStart: true,
	remembers: true,
};

export interface HabitParts {
	readonly year: Year;
	readonly timeline: Timeline;
	readonly machine: Machine;
	readonly line: Line;
	readonly habit: Habit;
	tell(line: () => string): void;
	/** The consumer has been given a token. */
	onServed(session: Session): void;
	/** The provider refuses the login for good. */
	onDead(): void;
}

export class HabitKeeper implements Tenant {
	refreshes = 0;
	checks = 0;
	readonly #parts: HabitParts;
	#file: ArmedSession | undefined;
	#memory: ArmedSession | undefined;
	#run = 0;

	constructor(parts: HabitParts) {
		this.#parts = parts;
	}

	/** A person has copied a login here, and restarted what reads it. */
	take(session: ArmedSession): void {
		this.#file = session;
		this.#parts.onServed(session);
		this.kill();
		this.boot();
	}

	boot(): void {
		this.#memory = this.#file;
		this.#run += 1;
		void this.#repeat(this.#run);
	}

	stop(): void {
		this.kill();
	}

	kill(): void {
		this.#run += 1;
	}

	disturbed(): void {}

	async #repeat(run: number): Promise<void> {
		const { machine, habit } = this.#parts;
		const clock = machine.clock(Number.POSITIVE_INFINITY, () => 0);
		if (habit.looksAtStart) await this.#look(run);
		while (this.#run === run) {
			await clock.sleep(habit.every);
			if (this.#run === run) await this.#look(run);
		}
	}

	async #look(run: number): Promise<void> {
		const { habit, machine } = this.#parts;
		const session = habit.remembers ? this.#memory : this.#file;
		this.checks += 1;
		if (session === undefined || (session.expiresAt ?? 0) - machine.now >= habit.before) return;
		await this.#refresh(run, session);
	}

	async #refresh(run: number, session: ArmedSession): Promise<void> {
		const { line, machine, tell } = this.#parts;
		const presence = machine.presence();
		const fate = await line.refresh(session.refreshToken.reveal(), () => {
			this.refreshes += 1;
		});
		await presence.awake();
		if (this.#run !== run || fate.kind !== "response") return tell(() => `refresh: ${fate.kind}`);
		const outcome = judgeRefresh(fate.response, machine.now);
		tell(() => `refresh: ${outcome.kind}`);
		if (outcome.kind === "dead") this.#parts.onDead();
		if (outcome.kind === "rotated") this.#keep(rotate(session, outcome.tokens, machine.now));
	}

	#keep(session: Session): void {
		const { refreshToken } = session;
		if (refreshToken === undefined) return;
		const armed = { ...session, refreshToken } as ArmedSession;
		this.#memory = armed;
		const { year, timeline } = this.#parts;
		if (spanOver(year.fullDisk, timeline.now) !== undefined) return;
		this.#file = armed;
		this.#parts.onServed(armed);
	}
}
