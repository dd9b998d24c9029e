/** A staged login that will never be claimed: a tombstone, so that no late message brings it back. */

import { change, type Draft, freePlace, note, remember } from "./custody-draft.ts";
import type { NotTakenReason } from "./protocol.ts";
import { nameOf } from "./settle-refresh.ts";

export function refuseStaged(draft: Draft, reason: NotTakenReason, now: number): void {
	const lineage = draft.record.staged;
	if (lineage === undefined) return;
	change(draft, {
		staged: undefined,
		past: { ...draft.record.past, [lineage.firstFp]: { was: "not-taken", reason, at: now } },
	});
	remember(draft, { armed: undefined });
	freePlace(draft, lineage.firstFp);
	note(draft, "warn", "not-taken", { ...nameOf(lineage), reason });
}
