/** What a test of one consumer came to, in words and in a code. */

import { EXIT, type ExitCode } from "@baton/core/error";
import type { ProbeOutcome } from "@baton/core/oauth";

export interface Tested {
	/** `default`, `default/claude`, `warnings/mail`. */
	readonly what: string;
	/** `untestable`: it says so, instead of guessing. */
	readonly outcome: "works" | "fails" | "unknown" | "untestable";
	readonly says: string;
	readonly hint?: string | undefined;
}

export function judgeConsumer(what: string, outcome: ProbeOutcome["kind"]): Tested {
	switch (outcome) {
		case "good":
			return { what, outcome: "works", says: "the provider takes the token that lies there" };
		case "dead":
			return {
				what,
				outcome: "fails",
				says: "the provider refuses the token that lies there",
				hint: "batond sinks says whether it has the newest one",
			};
		case "unknown":
			return {
				what,
				outcome: "unknown",
				says: "the provider did not say whether it takes the token",
				hint: "batond doctor; a setup token may not be asked about",
			};
	}
}

const WORST_LAST: readonly Tested["outcome"][] = ["untestable", "works", "unknown", "fails"];

/** Untestable ones count for nothing, either way. */
export function codeOf(tested: readonly Tested[]): ExitCode {
	const ranks = tested.map(({ outcome }) => WORST_LAST.indexOf(outcome));
	const worst = WORST_LAST[Math.max(0, ...ranks)];
	if (worst === "fails") return EXIT.fault;
	return worst === "unknown" ? EXIT.providerUnreachable : EXIT.well;
}

export function describeTested({ what, outcome, says, hint }: Tested): string[] {
	const line = `${what}: ${outcome === "untestable" ? "cannot test" : outcome}: ${says}`;
	return hint === undefined ? [line] : [line, `  next: ${hint}`];
}
