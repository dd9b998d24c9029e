/** What is known of a login that only a new one can replace: the facts, and what they most likely mean. */

import type { CustodyRecord } from "./custody-state.ts";
import { formatDuration } from "./duration.ts";
import { HERE } from "./import-login.ts";
import type { LossEvidence, LossReason } from "./protocol.ts";

/** Of a current login that is lost or rolled back, or of the first one, lost at its claim; or undefined. */
export function lossEvidence({ current, staged, past }: CustodyRecord): LossEvidence | undefined {
	const lineage = current ?? staged;
	const phase = lineage?.phase;
	if (lineage === undefined || phase === undefined) return undefined;
	if (phase.name !== "needs-login" && phase.name !== "rolled-back") return undefined;
	const { generation, obtainedAt, device, erasedAt, firstFp, session } = lineage;
	const claimed = past[firstFp];
	return {
		since: phase.since,
		generation,
		rotatedAt: obtainedAt,
		device,
		...(claimed?.was === "claimed" ? { claimedAt: claimed.at } : {}),
		...(erasedAt === undefined ? {} : { erasedAt }),
		...(session.deadline === undefined ? {} : { deadline: session.deadline }),
		...(phase.name === "rolled-back" ? { witnessed: phase.witnessed } : {}),
	};
}

/** What most likely happened, and what speaks for it: a line each. @param now wall-clock ms */
export function lossStory(reason: LossReason, evidence: LossEvidence, now: number): string[] {
	return [`most likely: ${causeOf(reason, evidence)}`, heldWords(evidence, now)];
}

function causeOf(reason: LossReason, evidence: LossEvidence): string {
	const { generation, witnessed } = evidence;
	switch (reason) {
		case "revoked-or-reused":
			return reuseWords(evidence);
		case "lost-in-flight":
			return "the provider had replaced its token, and the answer never came or was not saved in time";
		case "deadline":
			return "its time was up; no refresh moves the end of a login";
		case "logged-out":
			return "a person ended it here, with batond revoke";
		case "rolled-back":
			return witnessed === undefined
				? "this host was restored from a copy"
				: `this host was restored from a copy: a PC was told of generation ${witnessed}, here it is ${generation}`;
		case "none-yet":
			return "no login has arrived yet";
	}
}

const ENDED = "the session was ended on the account's page or by a logout";

/** Whoever may have had a copy is the first to be asked. */
function reuseWords({ device, erasedAt }: LossEvidence): string {
	if (device === HERE)
		return `a copy of it was used that lay elsewhere when it was imported, or ${ENDED}`;
	return erasedAt === undefined
		? `${device} used its copy, which it never confirmed erasing, or ${ENDED}`
		: `${ENDED}, or an older copy of it was used, as from a backup`;
}

function heldWords(evidence: LossEvidence, now: number): string {
	const { device, claimedAt, erasedAt, generation, rotatedAt } = evidence;
	const ago = (at: number) => `${formatDuration(now - at)} ago`;
	const from = device === HERE ? "was imported here" : `came from ${device}`;
	const when = claimedAt === undefined ? "" : ` ${ago(claimedAt)}`;
	return [
		`it ${from}${when}`,
		...(device === HERE
			? []
			: [erasedAt === undefined ? NEVER_ERASED : `erased there ${ago(erasedAt)}`]),
		generation > 0
			? `generation ${generation}, last refreshed ${ago(rotatedAt)}`
			: "never refreshed",
	].join("; ");
}

const NEVER_ERASED = "not confirmed as erased there";
