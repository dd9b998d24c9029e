/** How the custody stands, as far as a paired device may know; bears no token. */

import { proofOf } from "./answer-custody.ts";
import type { Draft } from "./custody-draft.ts";
import type { Lineage } from "./custody-state.ts";
import { lossEvidence } from "./loss-evidence.ts";
import type { AnswerBody } from "./protocol.ts";
import { providerTrouble } from "./provider-trouble.ts";
import { isLoggedOut } from "./revoke-login.ts";
import { isBusy, isSealed } from "./staged-login.ts";

export function statusOf(draft: Draft): AnswerBody {
	const { current, staged } = draft.record;
	const lineage = current ?? staged;
	const need = needOf(draft);
	const provider = providerTrouble(draft, current === undefined ? "staged" : "current");
	return {
		type: "status",
		state: stateOf(lineage),
		sinks: [],
		...(lineage === undefined ? {} : factsOf(lineage)),
		...(current === undefined ? {} : { proof: proofOf(draft, current) }),
		...(provider === undefined ? {} : { provider }),
		...(staged === undefined ? {} : { stagedFp: staged.firstFp }),
		...(need === undefined ? {} : { need }),
	};
}

/** What a device hears: of a login that a person ends here, that there is none. */
function stateOf(lineage: Lineage | undefined) {
	const name = lineage?.phase.name ?? "none";
	return name === "revoking" ? "needs-login" : name;
}

function factsOf(lineage: Lineage) {
	const { lineageId, generation, session, obtainedAt } = lineage;
	return {
		lineageId,
		generation,
		rotatedAt: obtainedAt,
		...(session.expiresAt === undefined ? {} : { accessUntil: session.expiresAt }),
		...(session.deadline === undefined ? {} : { deadline: session.deadline }),
	};
}

/** What only a person can mend. Its id tells one need from the next. */
function needOf(draft: Draft) {
	const { current, staged, past } = draft.record;
	const underWay = staged !== undefined && !isSealed(staged);
	if (underWay && (isBusy(staged) || draft.run.armed === staged.firstFp)) return undefined;
	if (current === undefined) {
		return { id: `none-yet.${Object.keys(past).length}`, reason: "none-yet" as const };
	}
	const { phase, lineageId } = current;
	// A person has ended it here: no PC shall bring another unasked.
	if (isLoggedOut(current)) return undefined;
	const evidence = lossEvidence(draft.record);
	if (evidence === undefined) return undefined;
	const reason = phase.name === "needs-login" ? phase.reason : ("rolled-back" as const);
	return { id: `${lineageId}.${evidence.since}`, reason, evidence };
}
