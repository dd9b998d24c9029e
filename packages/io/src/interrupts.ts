/** What Ctrl-C and the system's wish for an end come to, also while another program has the terminal. */

/** Hears a signal that came while the terminal was lent. */
type Hear = (name: NodeJS.Signals) => void;

/** Lends the terminal for as long as `use` takes. */
export type Lend = <T>(hear: Hear, use: () => Promise<T>) => Promise<T>;

export interface Interrupts {
	/** Aborted by the first signal; the second one does not wait for a clean end. */
	readonly signal: AbortSignal;
	/** While it is lent a signal ends nothing here: it is for who has the terminal to judge. */
	readonly lend: Lend;
}

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * @param reason what the signal is aborted with
 * @param exit ends this process at once
 * @param signals which are heeded
 */
export function heedInterrupts(
	source: { on(name: NodeJS.Signals, listener: () => void): unknown },
	reason: unknown,
	exit: () => void,
	signals: readonly NodeJS.Signals[] = SIGNALS,
): Interrupts {
	const interrupted = new AbortController();
	let borrower: Hear | undefined;
	const heed = (name: NodeJS.Signals) => {
		if (borrower !== undefined) return borrower(name);
		if (interrupted.signal.aborted) return exit();
		interrupted.abort(reason);
	};
	for (const name of signals) source.on(name, () => heed(name));
	return {
		signal: interrupted.signal,
		async lend(hear, use) {
			borrower = hear;
			try {
				return await use();
			} finally {
				borrower = undefined;
			}
		},
	};
}
