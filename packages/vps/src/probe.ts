/** Asks the provider whether an access token lives and whose it is. Spends nothing. */

import { buildProbe, judgeProbe, type ProbeOutcome, type Provider } from "@baton/core/oauth";
import type { Secret } from "@baton/core/secret";
import { limitsWithin } from "./engines/http.ts";
import { type Route, STRAIGHT } from "./engines/route.ts";
import { sendRequest } from "./engines/send-request.ts";

export type Probe = (accessToken: Secret) => Promise<ProbeOutcome>;

/**
 * @param requestLimit ms within which an answer must have come
 * @param now wall clock, for the date of an answer
 */
export function httpProbe(
	provider: Provider,
	requestLimit: number,
	now: () => number,
	route: Route = STRAIGHT,
): Probe {
	const limits = limitsWithin(requestLimit);
	return async (accessToken) => {
		const sent = await sendRequest(buildProbe(provider, accessToken), limits, route);
		return sent.kind === "response" ? judgeProbe(sent.response, now()) : { kind: "unknown" };
	};
}
