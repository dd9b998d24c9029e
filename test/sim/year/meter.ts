/**
 * Counts the seconds in which somebody who wants to work has no access token that works: it must live at
 * the provider, and not have ended by the machine's own clock, which is what programs go by.
 *
 * Nothing is counted while no token could be had, and for a minute after that: the machine away, its disk
 * full, the provider or the network out of reach or refusing everybody, the clock just set, or while a
 * `Retry-After` runs that the provider gave to this very machine, of which six hours count at most. Nor the
 * second or two in which the provider's answer travels, as it may have killed the old token by then.
 */

import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { type Span, START, type Year } from "./weather.ts";

const GRACE = MINUTE;
const LONGEST_STAY_AWAY = 6 * HOUR;
/** The first login is made, delivered and claimed by then. */
const SETTLED = START + 12 * HOUR;

export interface Counted {
	readonly without: number;
	/** In which the rule held back for the word of a PC, as this machine may be a restored copy. */
	readonly awaitingPc: number;
}

export class Meter {
	readonly #calm: readonly Span[];
	#index = 0;
	#last = START;
	#stayAwayUntil = 0;
	#answeredUntil = 0;
	#without = 0;
	#awaitingPc = 0;
	#awaitedTill = 0;
	/** Stretches that were counted, for a transcript. */
	readonly gaps: Span[] = [];
	/** Until when what the consumer holds works, true time ms; in the past if it doesn't. */
	readonly #worksUntil: () => number;
	readonly #awaitedUntil: () => number;

	/** @param awaitedUntil until when a PC's word is waited for, true time ms; 0 for nobody's */
	constructor(year: Year, worksUntil: () => number, awaitedUntil: () => number = () => 0) {
		this.#calm = calmOf(year);
		this.#worksUntil = worksUntil;
		this.#awaitedUntil = awaitedUntil;
	}

	get counted(): Counted {
		return { without: this.#without / SECOND, awaitingPc: this.#awaitingPc / SECOND };
	}

	/** The provider has asked to be left alone for so long. */
	toldToStayAway(now: number, ms: number): void {
		const until = now + Math.min(ms, LONGEST_STAY_AWAY);
		this.#stayAwayUntil = Math.max(this.#stayAwayUntil, until);
	}

	/** An answer of the provider's has set out, and with it perhaps the next token. */
	answerOnItsWay(now: number, takes: number): void {
		this.#answeredUntil = now + takes;
	}

	/** Counts what has passed since the last time. To be called before anything changes. */
	upTo(now: number): void {
		const excused = this.#stayAwayUntil === 0 ? 0 : this.#stayAwayUntil + GRACE;
		const from = Math.max(this.#last, this.#worksUntil(), excused, this.#answeredUntil);
		this.#last = now;
		if (from >= now) return;
		const awaited = Math.min(Math.max(from, this.#awaitedUntil()), now);
		this.#awaitingPc += this.#calmBetween(from, awaited).ms;
		if (awaited > from) this.#awaitedTill = awaited;
		const { ms, first } = this.#calmBetween(Math.max(awaited, this.#awaitedTill + GRACE), now);
		this.#without += ms;
		if (first !== undefined) this.#noteGap(first, now);
	}

	#calmBetween(from: number, until: number): { ms: number; first: number | undefined } {
		while ((this.#calm[this.#index]?.until ?? until) < from) this.#index += 1;
		let ms = 0;
		let first: number | undefined;
		for (let i = this.#index; i < this.#calm.length; i += 1) {
			const span = this.#calm[i];
			if (span === undefined || span.from >= until) break;
			const overlap = Math.min(span.until, until) - Math.max(span.from, from);
			if (overlap <= 0) continue;
			first ??= Math.max(span.from, from);
			ms += overlap;
		}
		return { ms, first };
	}

	#noteGap(from: number, until: number): void {
		const before = this.gaps.at(-1);
		if (before !== undefined && from - before.until < MINUTE) this.gaps.pop();
		this.gaps.push({
			from: before !== undefined && from - before.until < MINUTE ? before.from : from,
			until,
		});
	}
}

/** What is left of the year without its troubles and a minute after each. */
function calmOf({ end, barriers, absences, fullDisk, steps }: Year): Span[] {
	const moments = steps.map(({ at }) => ({ from: at, until: at }));
	const troubles = [...barriers, ...absences, ...fullDisk, ...moments]
		.map(({ from, until }) => ({ from, until: until + GRACE }))
		.sort((a, b) => a.from - b.from);
	const calm: Span[] = [];
	let from = SETTLED;
	for (const trouble of troubles) {
		if (trouble.from > from) calm.push({ from, until: trouble.from });
		from = Math.max(from, trouble.until);
	}
	calm.push({ from, until: end });
	return calm;
}
