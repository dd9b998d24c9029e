/** What may be said of a fault nobody foresaw: its kind and place. Its message may quote anything. */

/** @returns one line, such as `TypeError at load (file:///…/batond.mjs:3:7)` */
export function faultPlace(fault: unknown): string {
	if (!(fault instanceof Error)) return typeof fault;
	const place = fault.stack?.split("\n").find((line) => /^ +at .*:\d+:\d+\)?$/.test(line));
	const name = /^[A-Za-z]{1,40}$/.test(fault.name) ? fault.name : "Error";
	return place === undefined ? name : `${name} ${place.trim()}`;
}
