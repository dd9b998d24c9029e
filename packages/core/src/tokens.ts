/** What a granted refresh brings (RFC 6749 section 5.1), read with suspicion, and the session after it. */

import * as z from "zod/mini";
import { DAY, HOUR, SECOND } from "./duration.ts";
import { scopesAfter, scopesOf } from "./scopes.ts";
import { Secret } from "./secret.ts";
import { type Session, TOKEN_CHARACTERS, TOKEN_MAX } from "./session.ts";

export interface Tokens {
	readonly accessToken: Secret;
	/** Absent if the provider did not rotate: keep the old one. */
	readonly refreshToken: Secret | undefined;
	/** Ms from the response. */
	readonly expiresInMs: number;
	/** Ms from the response to the end of the login, if told. */
	readonly deadlineInMs: number | undefined;
	/** Undefined if none were told. */
	readonly scopes: readonly string[] | undefined;
}

const tokenText = z.string().check(z.maxLength(TOKEN_MAX), z.regex(TOKEN_CHARACTERS));

const tokensSchema = z.object({
	access_token: tokenText.check(z.regex(/\S/)),
	refresh_token: z.nullish(tokenText),
	expires_in: z.optional(z.unknown()),
	refresh_token_expires_in: z.optional(z.unknown()),
	scope: z.optional(z.unknown()),
});

/** @returns undefined for what bears no tokens, or some that no line, header or record can carry */
export function readTokens(answer: unknown): Tokens | undefined {
	const parsed = tokensSchema.safeParse(answer);
	if (!parsed.success) return undefined;
	const { access_token, refresh_token, expires_in, refresh_token_expires_in, scope } = parsed.data;
	const expiresInMs = duration(expires_in, LONGEST_ACCESS) ?? ASSUMED_LIFETIME;
	const deadlineInMs = duration(refresh_token_expires_in, LONGEST_LOGIN);
	return {
		accessToken: new Secret(access_token),
		refreshToken: refresh_token?.trim() ? new Secret(refresh_token) : undefined,
		expiresInMs,
		// A login that ended before its newest access token could not be kept at all: no end to believe in.
		deadlineInMs:
			deadlineInMs !== undefined && deadlineInMs >= expiresInMs ? deadlineInMs : undefined,
		scopes: toldScopes(scope),
	};
}

/**
 * RFC 6749 5.1 lets a server leave `expires_in` out. An absurd one is treated alike: refreshed early is
 * no harm, and a token believed in for a year would be dead for most of it.
 */
export const ASSUMED_LIFETIME = HOUR;
/** Beyond these a number is a mistake: milliseconds, or an instant. */
const LONGEST_ACCESS = 31 * DAY;
const LONGEST_LOGIN = 3650 * DAY;

function duration(value: unknown, longest: number): number | undefined {
	const seconds = typeof value === "string" && /^\d{1,12}$/.test(value) ? Number(value) : value;
	if (typeof seconds !== "number" || !Number.isFinite(seconds) || seconds < 1) return undefined;
	const ms = seconds * SECOND;
	return ms <= longest ? ms : undefined;
}

function toldScopes(scope: unknown): readonly string[] | undefined {
	if (typeof scope !== "string") return undefined;
	const scopes = scopesOf(scope.split(" "));
	return scopes.length === 0 ? undefined : scopes;
}

/** The session after a rotation. The deadline of a login never moves later, whatever is answered. */
export function rotate(session: Session, tokens: Tokens, now: number): Session {
	const told = tokens.deadlineInMs === undefined ? undefined : now + tokens.deadlineInMs;
	return {
		...session,
		accessToken: tokens.accessToken,
		refreshToken: tokens.refreshToken ?? session.refreshToken,
		expiresAt: now + tokens.expiresInMs,
		deadline: told === undefined ? session.deadline : Math.min(told, session.deadline ?? told),
		scopes: scopesAfter(session.scopes, tokens.scopes),
	};
}
