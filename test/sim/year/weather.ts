/**
 * A year's bad days, drawn from a seed before the year begins, so that every rule that is compared lives
 * through the very same ones.
 */

import { DAY, HOUR, MINUTE, SECOND } from "@baton/core/duration";
import type { Semantics } from "../provider.ts";
import { Random } from "../random.ts";

export const START = 1_800_000_000_000;

/** A stretch of true time, ms, `until` excluded. */
export interface Span {
	readonly from: number;
	readonly until: number;
}

/** How a provider under a storm asks to be left alone, and for how long. */
export interface RetryAfter {
	readonly form: "seconds" | "date" | "none";
	/** A fixed time, or until the storm's end and so much longer. Ms. */
	readonly says: { readonly fixed: number } | { readonly beyondEnd: number };
}

/** Why nothing can be had of the provider. */
export type Barrier = Span &
	(
		| {
				readonly kind: "outage" | "no-network";
				/** Packets vanish, or a connection never gets beyond its beginning, instead of an error at once. */
				readonly hangs: boolean;
		  }
		| { readonly kind: "errors"; readonly status: number }
		| { readonly kind: "storm"; readonly retryAfter: RetryAfter }
	);

/** Why the machine does nothing. Only one at a time. */
export type Absence = Span & { readonly kind: "reboot" | "crash" | "power-off" | "asleep" };

export interface ClockStep {
	readonly at: number;
	/** Ms; negative when the clock is set back. */
	readonly by: number;
}

export interface Year {
	readonly seed: number;
	readonly end: number;
	readonly semantics: Semantics;
	/** In the order of their beginnings, like all the others. */
	readonly barriers: readonly Barrier[];
	readonly absences: readonly Absence[];
	readonly steps: readonly ClockStep[];
	readonly fullDisk: readonly Span[];
	/** The PC is closed: at night, and once for longer. */
	readonly pcAway: readonly Span[];
	/** When the person logs in; the first one sets all up. */
	readonly logins: readonly number[];
	/** How long a person takes to hear of a lost login and to make another, one after the other. */
	readonly notices: readonly number[];
}

/** What is known, or was seen, of providers. A seed's own is the remainder of its number. */
export const SEMANTICS: readonly [Semantics, ...Semantics[]] = [
	{ rotation: "strict", killsOld: true, omits: 0, lifetime: 8 * HOUR },
	{ rotation: "strict", killsOld: false, omits: 0, lifetime: 8 * HOUR },
	{ rotation: "lenient", killsOld: false, omits: 0.3, lifetime: 8 * HOUR },
];

const SETTLING_IN = DAY;

/** @param days a shorter one has as many bad days, closer together */
export function drawYear(seed: number, days = 365): Year {
	const random = new Random(seed);
	const end = START + days * DAY;
	const semantics = SEMANTICS[seed % SEMANTICS.length] ?? SEMANTICS[0];
	const barriers = sorted(drawBarriers(random, semantics.lifetime, end));
	const near = (share: number) => drawTime(random, barriers, end, share);
	const absences = apart(sorted(drawAbsences(random, near)));
	const step = (low: number, high: number) => () => ({
		at: near(0.5),
		by: logBetween(random, low, high) * random.pick([1, -1]),
	});
	const steps = [...repeat(12, step(3 * SECOND, HOUR)), ...repeat(6, step(HOUR, 5 * HOUR))];
	const fullDisk = repeat(10, () => spanAt(near(0.5), logBetween(random, MINUTE, 40 * MINUTE)));
	return {
		...{ seed, end, semantics },
		barriers,
		absences,
		steps: steps.filter(isSeen(absences)).sort((a, b) => a.at - b.at),
		fullDisk: sorted(fullDisk),
		pcAway: drawPcAway(random, days),
		logins: drawLogins(random, days),
		notices: repeat(400, () => logBetween(random, 10 * MINUTE, 10 * HOUR)),
	};
}

/** A clock that is set while nothing runs, or in the last minute before, is seen by nobody. */
function isSeen(absences: readonly Absence[]) {
	return ({ at }: ClockStep) =>
		!absences.some(({ from, until }) => from - MINUTE <= at && at <= until);
}

function drawBarriers(random: Random, lifetime: number, end: number): Barrier[] {
	const anyTime = () => random.between(START + SETTLING_IN, end);
	const long = () => random.between(lifetime, 1.5 * lifetime);
	const spans = (times: number, low: number, high: number, longOnes: number) => [
		...repeat(times, () => spanAt(anyTime(), logBetween(random, low, high))),
		...repeat(longOnes, () => spanAt(anyTime(), long())),
	];
	return [
		...spans(14, 30 * SECOND, 4 * HOUR, 3).map((span) => ({
			...span,
			kind: "outage" as const,
			hangs: random.chance(0.5),
		})),
		...spans(40, 5 * SECOND, 3 * HOUR, 1).map((span) => ({
			...span,
			kind: "no-network" as const,
			hangs: random.chance(0.5),
		})),
		...spans(40, 10 * SECOND, 2 * HOUR, 1).map((span) => ({
			...span,
			kind: "errors" as const,
			status: random.pick([500, 502, 503, 529]),
		})),
		...spans(14, MINUTE, 5 * HOUR, 1).map((span) => ({
			...span,
			kind: "storm" as const,
			retryAfter: drawRetryAfter(random),
		})),
	];
}

function drawRetryAfter(random: Random): RetryAfter {
	return {
		form: random.pick(["seconds", "seconds", "date", "none"]),
		says: random.pick<RetryAfter["says"]>([
			{ fixed: logBetween(random, SECOND, 10 * MINUTE) },
			{ beyondEnd: random.between(0, 30 * SECOND) },
			{ beyondEnd: random.between(0, 48 * HOUR) },
		]),
	};
}

function drawAbsences(random: Random, near: (share: number) => number): Absence[] {
	const draw = (kind: Absence["kind"], times: number, low: number, high: number) =>
		repeat(times, () => ({ ...spanAt(near(0.4), logBetween(random, low, high)), kind }));
	return [
		...draw("reboot", 18, 3 * MINUTE, 8 * MINUTE),
		...draw("crash", 12, 30 * SECOND, 20 * MINUTE),
		...draw("power-off", 3, HOUR, 10 * HOUR),
		...draw("asleep", 16, MINUTE, 10 * HOUR),
	];
}

/** Troubles keep company: a share of them comes around the end of another one. */
function drawTime(
	random: Random,
	barriers: readonly Barrier[],
	end: number,
	share: number,
): number {
	const [first, ...others] = barriers;
	if (first !== undefined && random.chance(share)) {
		const { from, until } = random.pick([first, ...others]);
		const at = random.between(from, until + 10 * MINUTE);
		return random.chance(0.5) ? at : until + random.between(-10 * MINUTE, 10 * MINUTE);
	}
	return random.between(START + SETTLING_IN, end - DAY);
}

/** Away every night, and once on holiday, between two logins. */
function drawPcAway(random: Random, days: number): Span[] {
	const nights = Array.from({ length: days }, (_, day) => ({
		from: START + day * DAY + random.between(21, 23) * HOUR,
		until: START + (day + 1) * DAY + random.between(6, 8) * HOUR,
	}));
	const month = Math.floor(days / MONTH / 2);
	const holiday = spanAt(START + (month * MONTH + random.between(3, 8)) * DAY, 9 * DAY);
	return apart(sorted([...nights, holiday]));
}

/** Days between two logins, which live 30: the person is in time by a few hours to two days. */
const MONTH = 28;

function drawLogins(random: Random, days: number): number[] {
	const first = START + 10 * HOUR;
	const monthly = Array.from({ length: Math.floor((days - 2) / MONTH) }, (_, index) => {
		const day = (index + 1) * MONTH + random.pick([0, 0, 1]);
		return START + day * DAY + random.between(9, 20) * HOUR;
	});
	return [first, ...monthly];
}

// Spans

function spanAt(from: number, length: number): Span {
	return { from, until: from + length };
}

function sorted<S extends Span>(spans: S[]): S[] {
	return spans.sort((a, b) => a.from - b.from);
}

/** Leaves out what would begin before the one before it has ended. */
function apart<S extends Span>(spans: readonly S[]): S[] {
	const kept: S[] = [];
	for (const span of spans) if (span.from > (kept.at(-1)?.until ?? 0) + MINUTE) kept.push(span);
	return kept;
}

export function spanOver<S extends Span>(spans: readonly S[], at: number): S | undefined {
	return spans.find(({ from, until }) => from <= at && at < until);
}

function logBetween(random: Random, low: number, high: number): number {
	return Math.exp(random.between(Math.log(low), Math.log(high)));
}

function repeat<T>(times: number, make: () => T): T[] {
	return Array.from({ length: times }, make);
}
