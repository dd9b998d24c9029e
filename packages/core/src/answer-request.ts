/** The custodian's side of a hand-over: what each request does and what is answered. */

import { answerErased, answerWithdraw, custodyOf } from "./answer-custody.ts";
import { answerDeliver } from "./answer-deliver.ts";
import { answerOffer } from "./answer-offer.ts";
import { statusOf } from "./answer-status.ts";
import type { Draft } from "./custody-draft.ts";
import type { NamedCopy } from "./effect.ts";
import { heedWitness } from "./heed-witness.ts";
import type { Fingerprint } from "./lineage.ts";
import type { AnswerBody, Request } from "./protocol.ts";
import { hasFaded } from "./remembered-past.ts";

export interface RequestEvent {
	readonly type: "request";
	/** Names the open request in the answering effect. */
	readonly key: string;
	/** The paired device that asks. */
	readonly device: string;
	readonly request: Request;
	/** 16 random bytes, hex, used if an offer is accepted. */
	readonly nonce: string;
	readonly random: number;
}

export function answerRequest(draft: Draft, event: RequestEvent, now: number): void {
	const { request } = event;
	heedWitness(draft, request.witness, now);
	const body = answerOf(draft, event, now);
	const isCustody = body.type === "staged" || body.type === "in-doubt";
	draft.reply = () => ({
		type: "answer",
		key: event.key,
		body: isCustody ? custodyOf(draft, body.fp) : body,
		disarm: copiesAmong(draft, request.holds),
	});
}

function answerOf(draft: Draft, event: RequestEvent, now: number): AnswerBody {
	const { request, device } = event;
	switch (request.type) {
		case "offer":
			return answerOffer(draft, request, device, event.nonce, now);
		case "deliver":
			return answerDeliver(draft, request, device, event.random, now);
		case "custody":
			return custodyOf(draft, request.fp);
		case "withdraw":
			return answerWithdraw(draft, request.fp, now);
		case "erased":
			return answerErased(draft, request.fp, now);
		case "status":
			return statusOf(draft);
	}
}

/** Fingerprints the PC holds that live, or lived, here: copies that came back. */
function copiesAmong(draft: Draft, holds: readonly Fingerprint[]): NamedCopy[] {
	const { current, past } = draft.record;
	return holds.flatMap((fp): NamedCopy[] => {
		if (current?.fp === fp) return [{ fp, state: "current" }];
		const was = past[fp]?.was;
		const isRetired = was === "claimed" || was === "retired" || hasFaded(draft.record, fp);
		return isRetired ? [{ fp, state: "retired" }] : [];
	});
}
