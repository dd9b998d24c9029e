/** Asks the provider whether an access token lives and whose it is. Spends nothing. */

import { buildProbe, judgeProbe, type ProbeOutcome, type Provider } from "@baton/core/oauth";
import type { Secret } from "@baton/core/secret";
import { limitsWithin } from "./engines/http.ts";
import { sendRequest } from "./engines/send-request.ts";

export type Probe = (accessToken: Secret) => Promise<ProbeOutcome>;

/** @param requestLimit ms within which an answer must have come */
export function httpProbe(provider: Provider, requestLimit: number): Probe {
	const limits = limitsWithin(requestLimit);
	return async (accessToken) => {
		const sent = await sendRequest(buildProbe(provider, accessToken), limits);
		return sent.kind === "response" ? judgeProbe(sent.response) : { kind: "unknown" };
	};
}
