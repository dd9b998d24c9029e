/** What became of a login: receipts, withdrawals and tombstones. Every answer is safe to give again. */

import { change, changeLineage, type Draft, note, remember } from "./custody-draft.ts";
import type { CustodyRecord, Lineage, Past } from "./custody-state.ts";
import { type Fingerprint, generationProof, lineageIdOf } from "./lineage.ts";
import type { AnswerBody } from "./protocol.ts";
import { providerTrouble } from "./provider-trouble.ts";
import { hasFaded, isUsedUp } from "./remembered-past.ts";
import { isBusy, isSealed } from "./staged-login.ts";

/**
 * Whether a refresh token is in this custody, or was: a copy of it that turns up is nobody's login. One
 * that was not taken, or is not claimed yet, may still be.
 */
export function isOurs(record: CustodyRecord, fp: Fingerprint): boolean {
	return record.current?.fp === fp || isUsedUp(record, fp);
}

/** A witness proved that this login was claimed here, in a time our state does not remember. */
export function isSpentUnseen({ record }: Draft, fp: Fingerprint): boolean {
	if (isUsedUp(record, fp) || record.staged?.firstFp === fp) return false;
	return record.lineages[lineageIdOf(fp)] !== undefined;
}

export function custodyOf(draft: Draft, fp: Fingerprint): AnswerBody {
	const { current, staged, past } = draft.record;
	if (current?.fp === fp) return claimed(draft, fp, current.lineageId);
	if (staged?.firstFp === fp) {
		if (isSealed(staged)) return { type: "spent", fp };
		if (isBusy(staged)) return { type: "in-doubt", fp };
		// Found at the start of this run: the PC is to deliver it again before it is claimed.
		return draft.run.armed === fp ? stagedAnswer(draft, fp) : { type: "unknown", fp };
	}
	if (isSpentUnseen(draft, fp)) return { type: "spent", fp };
	const was: Past | undefined = past[fp];
	switch (was?.was) {
		case "claimed":
		case "retired":
			return claimed(draft, fp, was.lineageId);
		case "spent":
			return was.reason === undefined
				? { type: "spent", fp }
				: { type: "spent", fp, reason: was.reason };
		case "not-taken":
			return { type: "not-taken", fp, reason: was.reason };
		case "withdrawn":
			return { type: "withdrawn", fp };
		case undefined:
			return { type: hasFaded(draft.record, fp) ? "spent" : "unknown", fp };
	}
}

function stagedAnswer(draft: Draft, fp: Fingerprint): AnswerBody {
	const provider = providerTrouble(draft, "staged");
	return { type: "staged", fp, ...(provider === undefined ? {} : { provider }) };
}

function claimed(draft: Draft, fp: Fingerprint, lineageId: string): AnswerBody {
	const generation = draft.record.lineages[lineageId] ?? 0;
	const proof = proofOf(draft, { lineageId, generation });
	return { type: "claimed", fp, lineageId, generation, proof };
}

export function proofOf(
	draft: Draft,
	{ lineageId, generation }: Pick<Lineage, "lineageId" | "generation">,
): string {
	return generationProof(draft.record.proofKey, lineageId, generation);
}

export function answerWithdraw(draft: Draft, fp: Fingerprint, now: number): AnswerBody {
	const { current, staged, past } = draft.record;
	const settled = past[fp]?.was;
	const isSettled =
		(settled !== undefined && settled !== "not-taken") || hasFaded(draft.record, fp);
	if (current?.fp === fp || isSettled || isSpentUnseen(draft, fp)) return custodyOf(draft, fp);
	if (staged?.firstFp === fp && (isBusy(staged) || isSealed(staged))) return custodyOf(draft, fp);
	change(draft, {
		staged: staged?.firstFp === fp ? undefined : staged,
		past: { ...past, [fp]: { was: "withdrawn", at: now } },
	});
	const { reservation, armed } = draft.run;
	remember(draft, {
		reservation: reservation?.fp === fp ? undefined : reservation,
		armed: armed === fp ? undefined : armed,
	});
	note(draft, "info", "withdrawn", { fp });
	return { type: "withdrawn", fp };
}

export function answerErased(draft: Draft, fp: Fingerprint, now: number): AnswerBody {
	if (draft.record.current?.firstFp === fp && draft.record.current.erasedAt === undefined) {
		changeLineage(draft, "current", { erasedAt: now });
	}
	return { type: "noted", fp };
}
