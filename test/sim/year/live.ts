/** One year, lived through by the custodian and by the two habits: the same weather for each. */

import { DEFAULT_TIMING } from "@baton/core/custody-state";
import { MINUTE, SECOND } from "@baton/core/duration";
import type { RefreshOutcome } from "@baton/core/oauth";
import type { Session } from "@baton/core/session";
import type { Clock } from "@baton/io/clock";
import { limitsWithin } from "../../../packages/vps/src/engines/http.ts";
import { Oracle } from "../oracle.ts";
import { PcNode } from "../pc-node.ts";
import { Provider } from "../provider.ts";
import { Random } from "../random.ts";
import { REAL_RULES, type Rules } from "../rules.ts";
import { Timeline } from "../timeline.ts";
import { CALM } from "../world.ts";
import { type Habit, HabitKeeper } from "./habits.ts";
import { Line, type LineLimits } from "./line.ts";
import { Machine } from "./machine.ts";
import { Meter } from "./meter.ts";
import { Ours } from "./ours.ts";
import { type Span, START, spanOver, type Year } from "./weather.ts";

export interface Lived {
	/** See the meter for what counts. */
	readonly secondsWithoutToken: number;
	readonly refreshes: number;
	/** Looks: at the provider by the custodian, at the clock by a habit. */
	readonly checks: number;
	/** That a person had to give after the first one. */
	readonly logins: number;
}

export interface LivedByOurs extends Lived {
	readonly spentTwice: number;
	readonly lost: number;
	/** Rotations whose new token nobody ever received: named, but not to be had back. */
	readonly lostInFlight: number;
	readonly warnings: number;
	/** Refreshes sent although the provider had asked to be left alone. */
	readonly pressed: number;
	/** In which it held back for a PC's word, as the machine may have been a restored copy. */
	readonly secondsAwaitingPc: number;
	readonly violations: readonly string[];
}

export interface Story {
	/** What happened when, true time ms. */
	readonly lines: { readonly at: number; readonly what: string }[];
	gaps: readonly Span[];
}

/** The custodian as it is, or with a deliberate fault. */
export interface OursAs {
	readonly custody: Rules["custody"];
	readonly judge: (outcome: RefreshOutcome) => RefreshOutcome;
	readonly limits: LineLimits;
	/** A PC hands the monthly logins over. */
	readonly renews: boolean;
	/** The clock as the custodian sees it. */
	readonly clock: (clock: Clock) => Clock;
	/** It looks around each minute, instead of setting one timer for hours. */
	readonly looksAround: boolean;
}

export const AS_IT_IS: OursAs = {
	custody: REAL_RULES.custody,
	judge: (outcome) => outcome,
	limits: limitsOf(DEFAULT_TIMING.requestLimit),
	renews: true,
	clock: (clock) => clock,
	looksAround: true,
};

function limitsOf(requestLimit: number): LineLimits {
	const { connectMs, totalMs } = limitsWithin(requestLimit);
	return { connect: connectMs, answer: totalMs };
}

/** Far beyond what any year takes. */
const MOST = 20_000_000;
/** What curl and the like take for granted. */
const HABIT_LIMITS: LineLimits = { connect: 60 * SECOND, answer: 60 * SECOND };
const PC_SPEAKS_EVERY = 15 * MINUTE;

export async function liveAsOurs(year: Year, as = AS_IT_IS, story?: Story): Promise<LivedByOurs> {
	const world = openWorld(year, as.limits, story);
	const { timeline, random, provider, machine, line, consumer, tell } = world;
	const oracle = new Oracle(tell);
	const person = { logins: 0, needed: 0, asked: false };
	let pressed = 0;
	line.onPressed = () => {
		pressed += 1;
		tell(() => "VIOLATION asked while told to stay away");
	};
	const ours: Ours = new Ours({
		...{ year, timeline, random, provider, machine, line, oracle, tell },
		rules: as.custody,
		...{ judge: as.judge, seeClock: as.clock, looksAround: as.looksAround },
		onServed: (session) => consumer.take(session),
		onNeed() {
			if (person.asked) return;
			person.asked = true;
			timeline.after(year.notices[person.needed++] ?? 0, () => logIn());
		},
	});
	const rules = REAL_RULES;
	const pc = new PcNode(
		"pc",
		{ timeline, random, provider, oracle, rules, faults: CALM, tell },
		ours,
		"dedicated",
		PC_SPEAKS_EVERY,
	);
	oracle.watch(provider, ours, [pc]);
	const logIn = (): void =>
		pc.whenAwake(() => {
			const store = pc.dedicated;
			if (store.lock !== undefined) return void timeline.after(SECOND, logIn);
			tell(() => "the person logs in");
			person.logins += 1;
			person.asked = false;
			oracle.abandon(store.refreshToken, "a login over it");
			store.write({ session: provider.login("mine"), restored: false });
		});

	machine.live(year, ours);
	pc.start();
	for (const { from, until } of year.pcAway) {
		timeline.after(from - START, () => pc.sleep(until - from));
	}
	for (const at of as.renews ? year.logins : year.logins.slice(0, 1)) {
		timeline.after(at - START, logIn);
	}
	const meter = new Meter(year, consumer.worksUntil, () => ours.pcAwaitedUntil);
	await pass(year, world, meter, () => ours.check());
	for (const { lostInFlight } of provider.families)
		if (lostInFlight) oracle.counts.lostInFlight += 1;
	if (story !== undefined) story.gaps = meter.gaps;
	const { without, awaitingPc } = meter.counted;
	const { spentTwice, lost, lostInFlight } = oracle.counts;
	return {
		secondsWithoutToken: Math.ceil(without),
		refreshes: ours.refreshes,
		checks: ours.checks,
		logins: person.logins - 1,
		...{ spentTwice, lost, lostInFlight, pressed },
		warnings: ours.warnings,
		secondsAwaitingPc: Math.ceil(awaitingPc),
		violations: oracle.violations,
	};
}

export async function liveByHabit(year: Year, habit: Habit, story?: Story): Promise<Lived> {
	const world = openWorld(year, HABIT_LIMITS, story);
	const { timeline, provider, machine, line, consumer, tell } = world;
	const person = { logins: 0, needed: 0, asked: false };
	const keeper = new HabitKeeper({
		...{ year, timeline, machine, line, habit, tell },
		onServed: (session) => consumer.take(session),
		onDead() {
			if (person.asked) return;
			person.asked = true;
			timeline.after(year.notices[person.needed++] ?? 0, () => {
				if (person.asked) logIn();
			});
		},
	});
	/** Copies it to the machine, as soon as that can be reached. */
	const logIn = (): void => {
		const away = [year.absences, year.barriers, year.fullDisk].some(
			(spans: readonly Span[]) => spanOver(spans, timeline.now) !== undefined,
		);
		if (away) return void timeline.after(MINUTE, logIn);
		tell(() => "the person logs in");
		person.logins += 1;
		person.asked = false;
		keeper.take(provider.login("mine"));
	};
	machine.live(year, keeper);
	for (const at of year.logins) timeline.after(at - START, logIn);
	const meter = new Meter(year, consumer.worksUntil);
	await pass(year, world, meter, () => undefined);
	if (story !== undefined) story.gaps = meter.gaps;
	const { refreshes, checks } = keeper;
	return {
		secondsWithoutToken: Math.ceil(meter.counted.without),
		...{ refreshes, checks },
		logins: person.logins - 1,
	};
}

// What every life shares

interface YearWorld {
	readonly timeline: Timeline;
	readonly random: Random;
	readonly provider: Provider;
	readonly machine: Machine;
	readonly line: Line;
	readonly consumer: Consumer;
	tell(line: () => string): void;
}

function openWorld(year: Year, limits: LineLimits, story: Story | undefined): YearWorld {
	const timeline = new Timeline(START, MOST);
	const random = new Random(year.seed + 1);
	const provider = new Provider(year.semantics, timeline, random);
	const machine = new Machine(year, timeline, random);
	const line = new Line(year, provider, timeline, random, limits);
	const consumer = new Consumer(provider, machine);
	const tell = (what: () => string) => {
		story?.lines.push({ at: timeline.now, what: what() });
	};
	return { timeline, random, provider, machine, line, consumer, tell };
}

/** Whoever works with the access tokens. */
class Consumer {
	readonly #provider: Provider;
	readonly #machine: Machine;
	#session: Session | undefined;

	constructor(provider: Provider, machine: Machine) {
		this.#provider = provider;
		this.#machine = machine;
	}

	take(session: Session): void {
		this.#session = session;
	}

	readonly worksUntil = (): number => {
		if (this.#session === undefined) return 0;
		const { accessToken, expiresAt } = this.#session;
		const ended = this.#machine.trueTime(expiresAt ?? Number.POSITIVE_INFINITY);
		return Math.min(this.#provider.livesUntil(accessToken.reveal()), ended);
	};
}

/** Everything that waits for nothing but a promise is done before time goes on. */
async function pass(
	year: Year,
	{ timeline, line }: YearWorld,
	meter: Meter,
	check: () => void,
): Promise<void> {
	line.onAnswered = (takes) => meter.answerOnItsWay(timeline.now, takes);
	line.onRetryAfter = (ms) => meter.toldToStayAway(timeline.now, ms);
	for (;;) {
		await new Promise(setImmediate);
		check();
		if (timeline.nextAt > year.end) return meter.upTo(year.end);
		meter.upTo(timeline.nextAt);
		timeline.step();
	}
}
