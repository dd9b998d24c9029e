/**
 * A look whether the token endpoint works at all, before a refresh is left to somebody who does not tell
 * how it was refused: a grant without its token, which a working endpoint answers with an error of its
 * own (RFC 6749 5.2) and which spends nothing.
 */

import {
	buildPost,
	type HttpRequest,
	type HttpResponse,
	judgeRefresh,
	type Provider,
	type RefreshOutcome,
} from "./oauth.ts";

/** In JSON, as the claude that is to follow sends its own. */
export function buildKnock({ tokenUrl, clientId, userAgent }: Provider): HttpRequest {
	const fields = { grant_type: "refresh_token", client_id: clientId };
	return buildPost({ body: "json", userAgent }, tokenUrl, fields);
}

/**
 * Only what is said of the endpoint: who is refused for a while, or by address, is told to whoever asks
 * with a token.
 *
 * @param now wall-clock ms
 * @returns what a refresh would come to; undefined if it should be tried
 */
export function judgeKnock(response: HttpResponse, now: number): RefreshOutcome | undefined {
	if (response.status < 500) return undefined;
	const outcome = judgeRefresh({ ...response, body: undefined }, now);
	return outcome.kind === "refused"
		? outcome
		: { kind: "refused", why: "server", retryAfterMs: undefined };
}
