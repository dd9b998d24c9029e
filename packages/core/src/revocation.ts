/**
 * Logging a login out at the provider: RFC 7009, as a pair of building the request and judging the
 * response. Sending is a revoker's work.
 */

import { buildPost, type HttpRequest, type HttpResponse, type Provider } from "./oauth.ts";
import type { RevokeOutcome } from "./revoke-verdict.ts";
import type { Session } from "./session.ts";

/** Where claude 2.1.330 logs out. */
export const CLAUDE_REVOKE_URL = "https://platform.claude.com/v1/oauth/token/revoke";

export interface RevokingProvider extends Provider {
	readonly revokeUrl: string;
}

/** The refresh token ends the whole login; a setup token has nothing else than itself. */
export function buildRevocation(provider: RevokingProvider, session: Session): HttpRequest {
	const { refreshToken, accessToken } = session;
	const fields = {
		token: (refreshToken ?? accessToken).reveal(),
		token_type_hint: refreshToken === undefined ? "access_token" : "refresh_token",
		client_id: provider.clientId,
	};
	return buildPost(provider, provider.revokeUrl, fields);
}

/** Statuses that say nothing of the request itself: wait and ask again. */
const FOR_THE_MOMENT: readonly number[] = [401, 403, 408, 425, 429];

/** RFC 7009 section 2.2: 200 also for a token that is none, or none any more. */
export function judgeRevocation({ status }: Pick<HttpResponse, "status">): RevokeOutcome {
	if (status >= 200 && status < 300) return { kind: "revoked" };
	const why = `the provider answered ${status}`;
	const isFinal = status >= 400 && status < 500 && !FOR_THE_MOMENT.includes(status);
	return { kind: isFinal ? "impossible" : "failed", why };
}
