/** A login becomes staged: here, not claimed, and in the place of one that may be let go of. */

import { change, type Draft, note, remember } from "./custody-draft.ts";
import { type Imported, NO_RETRY, UNHARVESTED } from "./custody-state.ts";
import { type Fingerprint, lineageIdOf } from "./lineage.ts";
import { refuseStaged } from "./refuse-staged.ts";
import { type Session, sessionFingerprint } from "./session.ts";
import { settleSpent } from "./settle-refresh.ts";
import { isBusy, isSealed } from "./staged-login.ts";

export interface Arrival {
	readonly session: Session;
	/** Who brought it. */
	readonly device: string;
	readonly imported: Imported | undefined;
	readonly random: number;
}

/**
 * A staged login that is delivered again is only armed again.
 *
 * @returns false if another login is there that may not be let go of
 */
export function stageLogin(draft: Draft, arrival: Arrival, now: number): boolean {
	const fp = sessionFingerprint(arrival.session);
	const { staged } = draft.record;
	if (staged?.firstFp === fp) {
		if (!isSealed(staged)) remember(draft, { armed: fp });
		return true;
	}
	if (staged !== undefined) {
		if (isBusy(staged)) return false;
		if (isSealed(staged)) settleSpent(draft, staged, now);
		else refuseStaged(draft, "replaced", now);
	}
	stage(draft, fp, arrival, now);
	return true;
}

function stage(draft: Draft, fp: Fingerprint, arrival: Arrival, now: number): void {
	const { session, device, imported, random: jitter } = arrival;
	const { [fp]: _tombstone, ...past } = draft.record.past;
	change(draft, {
		past,
		staged: {
			lineageId: lineageIdOf(fp),
			firstFp: fp,
			fp,
			session,
			generation: 0,
			obtainedAt: now,
			jitter,
			device,
			account: undefined,
			erasedAt: undefined,
			imported,
			warned: undefined,
			askedToWait: undefined,
			phase: { name: "staged", served: false },
		},
	});
	remember(draft, {
		armed: fp,
		refreshRetry: { ...draft.run.refreshRetry, staged: NO_RETRY },
		harvested: { ...draft.run.harvested, staged: UNHARVESTED },
	});
	note(draft, "info", "staged", { fp, device });
}
