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
import { changeLineage, type Draft, enter, note, remember } from "./custody-draft.ts";
import type { Lineage } from "./custody-state.ts";
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
	const imported = { path, state: path === undefined ? "disarmed" : "armed" } as const;
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

/** What became of the file a staged login was imported from. */
export type DisarmOutcome =
	/** It holds no refresh token any more, and the access token that was beside it. */
	| { readonly kind: "disarmed" }
	/** It holds something else: refreshed, logged out of, or another login over it. */
	| { readonly kind: "changed" }
	/** `untouched`: it was seen since to hold the refresh token still. */
	| { readonly kind: "failed"; readonly why: string; readonly untouched: boolean };

export function settleDisarm(
	draft: Draft,
	{ again }: { readonly again: boolean },
	outcome: DisarmOutcome,
	now: number,
	random: number,
): void {
	const { staged } = draft.record;
	if (staged?.imported === undefined) return;
	const { path } = staged.imported;
	switch (outcome.kind) {
		case "disarmed":
			changeLineage(draft, "staged", { imported: { path, state: "disarmed" }, erasedAt: now });
			return note(draft, "info", "source-disarmed", nameOf(staged));
		case "changed":
			// Whoever changed it may have spent the token before. After a try of ours that was cut short it may
			// as well have been blank, and this the only copy: kept, and not spent.
			return again ? seal(draft, staged, now) : refuseStaged(draft, "replaced", now);
		case "failed":
			if (outcome.untouched) changeLineage(draft, "staged", { imported: { path, state: "armed" } });
			return settleNotDisarmed(draft, staged, outcome.why, now, random);
	}
}

function seal(draft: Draft, staged: Lineage, now: number): void {
	const reason = "lost-in-flight";
	enter(draft, "staged", { name: "needs-login", reason, since: now });
	note(draft, "warn", "needs-login", { ...nameOf(staged), reason });
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
