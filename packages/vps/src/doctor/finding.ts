/** What the doctor has to say: judged from facts, worst first. */

export type Gravity =
	/** It stands in the way of a login's life, or puts one in danger. */
	| "wrong"
	/** It may well be meant; if not, it misleads. */
	| "doubtful"
	/** It could not be looked at, and so is not known. */
	| "unseen"
	| "well";

export interface Finding {
	/** One word for what was looked at: `clock`, `endpoint`. */
	readonly about: string;
	readonly gravity: Gravity;
	readonly says: string;
	/** What a person can do. */
	readonly hint?: string | undefined;
}

const WORST_FIRST: readonly Gravity[] = ["wrong", "doubtful", "unseen", "well"];

export function worstFirst(findings: readonly Finding[]): Finding[] {
	return findings.toSorted(
		(a, b) => WORST_FIRST.indexOf(a.gravity) - WORST_FIRST.indexOf(b.gravity),
	);
}
