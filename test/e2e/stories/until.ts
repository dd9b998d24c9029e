import { setTimeout as pause } from "node:timers/promises";

const EVERY_MS = 20;

/**
 * What `look` shows once it is what is wanted: for what another process does and no event tells.
 *
 * @throws after `limitMs` (30 s), with `what` was waited for and never with what was seen: that may
 * hold a token
 */
export async function until<T>(
	what: string,
	look: () => T | Promise<T>,
	wanted: (seen: T) => boolean = Boolean,
	limitMs = 30_000,
): Promise<T> {
	for (const deadline = Date.now() + limitMs; Date.now() < deadline; await pause(EVERY_MS)) {
		const seen = await look();
		if (wanted(seen)) return seen;
	}
	throw new Error(`it never came that ${what}, in ${limitMs} ms`);
}
