/** Whether a staged login may still be taken out of the custodian's hands. */

import { intentAt, type Lineage } from "./custody-state.ts";

/**
 * An intent is open, or the claim made but not yet told, or perhaps nobody else has a copy any more: nobody may
 * take it out of our hands.
 */
export function isBusy({ phase, imported }: Lineage): boolean {
	const mayBeOnlyCopy = imported?.path !== undefined && imported.state !== "armed";
	if (phase.name === "staged") return mayBeOnlyCopy;
	return intentAt(phase) !== undefined || phase.name === "verifying";
}

/** Claimed and then lost before its account was named: kept, but of no use to anybody. */
export function isSealed(lineage: Lineage): boolean {
	return lineage.phase.name === "needs-login";
}
