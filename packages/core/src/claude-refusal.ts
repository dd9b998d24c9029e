/**
 * What claude's own log says of a refresh that changed nothing, as far as it can be believed.
 *
 * claude 2.1.330 writes a line for each refresh that failed: `OAuth refresh failed (expected): Request
 * failed with status code 429`, or in the place of the last part what its connection met. It makes no
 * second try after an answer or a broken connection, save once with fewer scopes after an answer that
 * these were too many, which writes no line. What is worded otherwise says nothing.
 */

import { judgeRefresh, type RefreshOutcome } from "./oauth.ts";

const FAILED = /OAuth refresh failed(?: \(\w+\))?: (.*)$/;
const ANSWERED = /^Request failed with status code ([345]\d\d)$/;
/** Nothing was sent: no name, no way, no listener. */
const NOT_CONNECTED =
	/^(?:connect (?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)|getaddrinfo (?:ENOTFOUND|EAI_AGAIN))\b/;

/** @returns an outcome by which the token was surely not used up; undefined if there is none */
export function claudeRefusal(log: string | undefined): RefreshOutcome | undefined {
	const reasons = (log ?? "").split("\n").flatMap((line) => FAILED.exec(line)?.[1] ?? []);
	const outcomes = reasons.map((reason) => outcomeOf(reason.trim()));
	// One that may have gone through is not outweighed by another that did not.
	if (outcomes.includes(undefined)) return undefined;
	return outcomes.at(-1);
}

function outcomeOf(reason: string): RefreshOutcome | undefined {
	if (NOT_CONNECTED.test(reason)) return { kind: "not-sent" };
	const status = Number(ANSWERED.exec(reason)?.[1]);
	if (Number.isNaN(status)) return undefined;
	const answer = { status, retryAfter: undefined, date: undefined, body: undefined };
	const outcome = judgeRefresh(answer, 0);
	return outcome.kind === "refused" ? outcome : undefined;
}
