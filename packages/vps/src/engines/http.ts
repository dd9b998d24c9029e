/** The refresh grant, sent to the provider's token endpoint by ourselves and under our own name. */

import { SECOND } from "@baton/core/duration";
import { buildRefresh, judgeRefresh, type Provider } from "@baton/core/oauth";
import type { Engine } from "./engine.ts";
import { type SendLimits, sendRequest } from "./send-request.ts";

const LONGEST_REQUEST = 60 * SECOND;
const BODY_MAX_BYTES = 64 * 1024;

/**
 * @param requestLimit ms after which a request counts as over; the engine stays well below it
 * @param now wall clock, for a `Retry-After` that is a date
 */
export function httpEngine(provider: Provider, requestLimit: number, now: () => number): Engine {
	const limits = limitsWithin(requestLimit);
	return {
		async refresh(session) {
			const sent = await sendRequest(buildRefresh(provider, session), limits);
			return sent.kind === "response" ? judgeRefresh(sent.response, now()) : { kind: sent.kind };
		},
		// A request lives and dies with this process, and leaves nothing behind.
		harvest: async () => undefined,
	};
}

export function limitsWithin(requestLimit: number): SendLimits {
	return { totalMs: Math.min(LONGEST_REQUEST, requestLimit / 2), bodyBytes: BODY_MAX_BYTES };
}
