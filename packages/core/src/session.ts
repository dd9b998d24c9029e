/**
 * What one login yields: tokens, expiries, scopes, plan and account, and how Claude Code writes it.
 */

import * as z from "zod/mini";
import { BatonError } from "./error.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";

/**
 * `login` comes from `claude /login` and has a refresh token. `setup-token` comes from
 * `claude setup-token`: one year, no refresh token, so nothing in it is ever claimed or refreshed.
 */
export type SessionKind = "login" | "setup-token";

export interface Session {
	readonly kind: SessionKind;
	readonly accessToken: Secret;
	/** Absent in an access-only file, in a disarmed one, and in a setup token. */
	readonly refreshToken: Secret | undefined;
	/** End of the access token, wall-clock ms. Absent counts as not expired, as claude 2.1 takes it. */
	readonly expiresAt: number | undefined;
	/** The absolute end of the login, wall-clock ms, which no refresh moves later. */
	readonly deadline: number | undefined;
	readonly scopes: readonly string[];
	/** Account uuid as the file names it: a hint, until the provider has been asked. */
	readonly account: string | undefined;
	/** Every other key of the entry (plan, tier, keys of later versions), kept as it was. */
	readonly rest: Readonly<Record<string, unknown>>;
}

/** A session that can be refreshed, with the fingerprint of its refresh token. */
export interface ArmedSession extends Session {
	readonly refreshToken: Secret;
}

/** Characters. */
export const TOKEN_MAX = 8192;
const token = z.string().check(z.maxLength(TOKEN_MAX));
const instant = z.number().check(z.nonnegative(), z.maximum(8.64e15));

/** The value of `claudeAiOauth`, as claude 2.1.330 writes it; unknown keys are kept. */
const entrySchema = z.looseObject({
	accessToken: token,
	refreshToken: z.nullish(token),
	expiresAt: z.nullish(instant),
	refreshTokenExpiresAt: z.nullish(instant),
	scopes: z.nullish(z.array(z.string().check(z.maxLength(128))).check(z.maxLength(64))),
	accountUuid: z.nullish(z.string().check(z.maxLength(128))),
});

/** The value of `claudeAiOauth`: plain JSON, tokens in clear. Only secret files and Deliver carry it. */
export type ClaudeEntry = Readonly<Record<string, unknown>>;

/**
 * Reads the value of `claudeAiOauth`.
 *
 * @throws BatonError `bad-credentials` if it is not one; the message names the first wrong field only
 */
export function parseEntry(value: unknown): Session {
	const parsed = entrySchema.safeParse(value);
	if (!parsed.success) {
		const field = parsed.error.issues[0]?.path.join(".") || "the entry";
		throw new BatonError("bad-credentials", `not a login that claude wrote: ${field} is wrong`);
	}
	const {
		accessToken,
		refreshToken,
		expiresAt,
		refreshTokenExpiresAt,
		scopes,
		accountUuid,
		...rest
	} = parsed.data;
	return {
		kind: "login",
		accessToken: new Secret(accessToken),
		refreshToken: refreshToken ? new Secret(refreshToken) : undefined,
		expiresAt: expiresAt ?? undefined,
		deadline: refreshTokenExpiresAt ?? undefined,
		scopes: scopes ?? [],
		account: accountUuid ?? undefined,
		rest,
	};
}

/** The entry as claude would write it, tokens in clear. */
export function formatEntry(session: Session): ClaudeEntry {
	return {
		accessToken: session.accessToken.reveal(),
		refreshToken: session.refreshToken?.reveal() ?? "",
		...(session.expiresAt === undefined ? {} : { expiresAt: session.expiresAt }),
		...(session.deadline === undefined ? {} : { refreshTokenExpiresAt: session.deadline }),
		scopes: [...session.scopes],
		...(session.account === undefined ? {} : { accountUuid: session.account }),
		...session.rest,
	};
}

/** A session made from what `claude setup-token` prints; its end is a year from when it was made. */
export function setupTokenSession(setupToken: Secret, expiresAt: number | undefined): Session {
	return {
		kind: "setup-token",
		accessToken: setupToken,
		refreshToken: undefined,
		expiresAt,
		deadline: expiresAt,
		scopes: ["user:inference"],
		account: undefined,
		rest: {},
	};
}

/** RFC 6749, appendix A.12 and A.17. */
export const TOKEN_CHARACTERS = /^[\x20-\x7e]*$/;

/**
 * The token with a character that no token has, if there is one: it could end a line in a header or in a
 * consumer's file. What is in custody already is not asked.
 */
export function oddToken(session: Session): "accessToken" | "refreshToken" | undefined {
	const tokens = ["accessToken", "refreshToken"] as const;
	return tokens.find((name) => !TOKEN_CHARACTERS.test(session[name]?.reveal() ?? ""));
}

export function isArmed(session: Session): session is ArmedSession {
	return session.refreshToken !== undefined && session.expiresAt !== 0;
}

/** What a session is known by: its refresh token's fingerprint, or a setup token's own. */
export function sessionFingerprint(session: Session): Fingerprint {
	return fingerprint(session.refreshToken ?? session.accessToken);
}

/** Whether the access token has not reached its own end. It may still have been revoked. */
export function isUnexpired(session: Session, now: number): boolean {
	return session.expiresAt === undefined || session.expiresAt > now;
}
