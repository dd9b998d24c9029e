/**
 * Import: a login that lies on the custodian's own machine is taken over where it lies.
 *
 * It is offered and staged like any other, and its file is left alone until the provider has named its
 * account and the sinks are proved. Only then is the file disarmed, and only after that is the login
 * claimed; so a login that is not taken has not been touched.
 */

import { custodyOf } from "./answer-custody.ts";
import { answerOffer } from "./answer-offer.ts";
import { backoffDelay, SINK_BACKOFF } from "./backoff.ts";
import { classifyLogin } from "./classify-login.ts";
import type { Reading } from "./credentials-file.ts";
import { changeLineage, type Draft, note, remember } from "./custody-draft.ts";
import type { Imported, Lineage } from "./custody-state.ts";
import { lineageIdOf } from "./lineage.ts";
import type { AnswerBody, OfferRequest } from "./protocol.ts";
import { refuseStaged } from "./refuse-staged.ts";
import { type Session, sessionFingerprint } from "./session.ts";
import { nameOf } from "./settle-refresh.ts";
import { stageLogin } from "./stage-login.ts";

export interface ImportEvent {
	readonly type: "import";
	/** Names the open request in the answering effect. */
	readonly key: string;
	readonly session: Session;
	/** Where it lies, absolute; undefined for one that lies nowhere, as it was typed in. */
	readonly path: string | undefined;
	/** Also if the current login is in good order. */
	readonly replace: boolean;
	/** 16 random bytes, hex. */
	readonly nonce: string;
	readonly random: number;
}

/** Stands in the place of a device's name. */
export const HERE = "this-host";

export function importLogin(draft: Draft, event: ImportEvent, now: number): void {
	const body = answerImport(draft, event, now);
	draft.reply = () => ({
		type: "answer",
		key: event.key,
		body: body.type === "staged" ? custodyOf(draft, body.fp) : body,
		disarm: [],
	});
}

function answerImport(draft: Draft, event: ImportEvent, now: number): AnswerBody {
	const { session, path, nonce, random } = event;
	const offer = offerOf(draft, event);
	const { fp } = offer;
	const answer = answerOffer(draft, offer, HERE, nonce, now);
	if (answer.type !== "accept") return answer;
	remember(draft, { reservation: undefined });
	const imported = { path, disarmed: path === undefined };
	if (!stageLogin(draft, { session, device: HERE, imported, random }, now)) {
		return { type: "decline", fp, reason: "busy" };
	}
	return { type: "staged", fp };
}

function offerOf(draft: Draft, { session, replace }: ImportEvent): OfferRequest {
	const fp = sessionFingerprint(session);
	const { kind, account, expiresAt, deadline } = session;
	return {
		v: 1,
		id: HERE,
		type: "offer",
		name: draft.record.name,
		holds: [],
		witness: [],
		fp,
		lineageId: lineageIdOf(fp),
		kind,
		replace,
		...(account === undefined ? {} : { account }),
		...(expiresAt === undefined ? {} : { expiresAt }),
		...(deadline === undefined ? {} : { deadline }),
	};
}

type LoginReading = Extract<Reading, { kind: "login" }>;

/** What became of the file a staged login was imported from. */
export type DisarmOutcome =
	/** It holds no refresh token any more. */
	| { readonly kind: "disarmed" }
	/** It holds another refresh token by now. */
	| { readonly kind: "changed"; readonly reading: LoginReading }
	| { readonly kind: "failed"; readonly why: string };

export function settleDisarm(
	draft: Draft,
	outcome: DisarmOutcome,
	now: number,
	random: number,
): void {
	const { staged } = draft.record;
	if (staged?.imported === undefined) return;
	switch (outcome.kind) {
		case "disarmed":
			return settleDisarmed(draft, staged, staged.imported, now);
		case "changed":
			// After a login over it nobody else has this one; refreshed there, it is spent.
			return isLoginOver(staged, outcome.reading)
				? settleDisarmed(draft, staged, staged.imported, now)
				: refuseStaged(draft, "replaced", now);
		case "failed":
			return settleNotDisarmed(draft, staged, outcome.why, now, random);
	}
}

function settleDisarmed(draft: Draft, staged: Lineage, imported: Imported, now: number): void {
	changeLineage(draft, "staged", { imported: { ...imported, disarmed: true }, erasedAt: now });
	note(draft, "info", "source-disarmed", nameOf(staged));
}

function isLoginOver({ fp, session }: Lineage, after: LoginReading): boolean {
	const { account, deadline } = session;
	const before = { fp, lastFp: undefined, account, deadline };
	return classifyLogin(before, after, () => false) === "login";
}

function settleNotDisarmed(
	draft: Draft,
	staged: Lineage,
	reason: string,
	now: number,
	random: number,
): void {
	const failures = draft.run.refreshRetry.staged.failures + 1;
	const at = now + backoffDelay(SINK_BACKOFF, failures, random);
	remember(draft, { refreshRetry: { ...draft.run.refreshRetry, staged: { failures, at } } });
	if (failures === 1) note(draft, "warn", "source-not-disarmed", { ...nameOf(staged), reason });
}
