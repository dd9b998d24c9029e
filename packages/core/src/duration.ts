/** Milliseconds by name, so that no rule of Baton holds a bare number. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: Readonly<Record<string, number>> = {
	ms: 1,
	s: SECOND,
	m: MINUTE,
	h: HOUR,
	d: DAY,
};

/** `"90s"`, `"10m"`, `"2h"`, `"7d"`, `"250ms"` as milliseconds; undefined if it is none of these. */
export function parseDuration(text: string): number | undefined {
	const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
	const unit = match?.[2] === undefined ? undefined : UNITS[match[2]];
	return match?.[1] === undefined || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** `"2 h 5 min"`, `"3 days"`, `"40 s"`: two units at most, rounded down, for people. */
export function formatDuration(ms: number): string {
	const left = Math.max(0, ms);
	if (left >= 2 * DAY) return `${Math.floor(left / DAY)} days`;
	if (left >= HOUR) {
		const minutes = Math.floor((left % HOUR) / MINUTE);
		return `${Math.floor(left / HOUR)} h${minutes === 0 ? "" : ` ${minutes} min`}`;
	}
	if (left >= MINUTE) return `${Math.floor(left / MINUTE)} min`;
	return `${Math.floor(left / SECOND)} s`;
}
