/** Whether a staged login may still be taken out of the custodian's hands. */

import { intentAt, type Lineage } from "./custody-state.ts";

/**
 * An intent is open, or the claim made but not yet told, or perhaps nobody else has a copy any more: nobody may
 * take it out of our hands.
 */
export function isBusy(lineage: Lineage): boolean {
	const { phase } = lineage;
	if (phase.name === "staged") return mayBeOnlyCopy(lineage);
	return intentAt(phase) !== undefined || phase.name === "verifying";
}

/** The file it was imported from is blank, or may be. */
export function mayBeOnlyCopy({ imported }: Lineage): boolean {
	return imported?.path !== undefined && imported.state !== "armed";
}

/** Claimed and then lost before its account was named: kept, but of no use to anybody. */
export function isSealed(lineage: Lineage): boolean {
	return lineage.phase.name === "needs-login";
}
