/** Logs a login out at the provider, asked by a person. */

import { buildRevocation, judgeRevocation, type RevokingProvider } from "@baton/core/revocation";
import type { RevokeOutcome } from "@baton/core/revoke-verdict";
import type { Session } from "@baton/core/session";
import { limitsWithin } from "./engines/http.ts";
import { type Route, STRAIGHT } from "./engines/route.ts";
import { sendRequest } from "./engines/send-request.ts";

/** Never throws; every failure is an outcome. Does no harm twice. */
export type Revoker = (session: Session) => Promise<RevokeOutcome>;

/** @param requestLimit ms within which an answer must have come */
export function httpRevoker(
	provider: RevokingProvider,
	requestLimit: number,
	route: Route = STRAIGHT,
): Revoker {
	const limits = limitsWithin(requestLimit);
	return async (session) => {
		const sent = await sendRequest(buildRevocation(provider, session), limits, route);
		if (sent.kind === "response") return judgeRevocation(sent.response);
		const why = sent.kind === "not-sent" ? (sent.why ?? "out of reach") : "no answer";
		return { kind: "failed", why };
	};
}
