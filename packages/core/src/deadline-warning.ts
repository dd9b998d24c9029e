/** When a person hears that a login nears its end: each warning once, whatever slept or was restarted. */

import { DAY } from "./duration.ts";

/** Days before the end, the last one last. */
const DAYS_BEFORE = [14, 7, 3, 1] as const;

/** Durable with the login it is about: which warning was given, and of which end. */
export interface DeadlineWarning {
	/** Wall-clock ms. */
	readonly deadline: number;
	/** Of `DAYS_BEFORE`. */
	readonly days: number;
}

/** The one that holds now: after a long sleep the last one reached, and none of those before it. */
export function deadlineWarning(
	deadline: number | undefined,
	now: number,
): DeadlineWarning | undefined {
	if (deadline === undefined || deadline <= now) return undefined;
	const days = DAYS_BEFORE.findLast((one) => deadline - now <= one * DAY);
	return days === undefined ? undefined : { deadline, days };
}

/** An end that a clock or a provider's rounding moved a little is the same end. */
export function isNewWarning(
	warning: DeadlineWarning,
	given: DeadlineWarning | undefined,
): boolean {
	if (given === undefined) return true;
	const isSameEnd = Math.abs(warning.deadline - given.deadline) <= DAY;
	return !isSameEnd || warning.days < given.days;
}

/** When the next one is due, wall-clock ms; infinity if none is. */
export function nextWarningAt(deadline: number | undefined, now: number): number {
	if (deadline === undefined) return Number.POSITIVE_INFINITY;
	const instants = DAYS_BEFORE.map((days) => deadline - days * DAY);
	return Math.min(...instants.filter((at) => at > now));
}
