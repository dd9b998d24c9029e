/** The refresh grant, sent to the provider's token endpoint by ourselves and under our own name. */

import { SECOND } from "@baton/core/duration";
import { buildRefresh, judgeRefresh, type Provider } from "@baton/core/oauth";
import type { Engine } from "./engine.ts";
import { type Route, STRAIGHT } from "./route.ts";
import { type SendLimits, sendRequest } from "./send-request.ts";

const LONGEST_REQUEST = 60 * SECOND;
/** Four of a system's tries; an attempt that hangs for longer would outlast the end of an outage. */
const LONGEST_CONNECT = 20 * SECOND;
const BODY_MAX_BYTES = 64 * 1024;

/**
 * @param requestLimit ms after which a request counts as over; the engine stays well below it
 * @param now wall clock, for dates in answers
 */
export function httpEngine(
	provider: Provider,
	requestLimit: number,
	now: () => number,
	route: Route = STRAIGHT,
): Engine {
	const limits = limitsWithin(requestLimit);
	/** It was refused for its scopes: asked from then on without, for those the login was made with. */
	let unscoped = false;
	return {
		async refresh(session) {
			const sent = await sendRequest(buildRefresh(provider, session, { unscoped }), limits, route);
			if (sent.kind !== "response") return sent;
			const outcome = judgeRefresh(sent.response, now());
			if (outcome.kind === "refused" && outcome.why === "scope") unscoped = true;
			return outcome;
		},
		// A request lives and dies with this process, and leaves nothing behind.
		harvest: async () => ({ kind: "nothing", endedAt: undefined }),
		settled: async () => {},
	};
}

export function limitsWithin(requestLimit: number): Required<SendLimits> {
	const totalMs = Math.min(LONGEST_REQUEST, requestLimit / 2);
	return { connectMs: Math.min(LONGEST_CONNECT, totalMs), totalMs, bodyBytes: BODY_MAX_BYTES };
}
