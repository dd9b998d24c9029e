/**
 * The two exchanges with the provider, each as a pair: build the request, judge the response. Sending
 * is an engine's work.
 *
 * Refresh: RFC 6749 section 6, in JSON as claude 2.1.330 sends it, or as the form the RFC names.
 * Probe: the profile address, which names the account and spends nothing.
 */

import * as z from "zod/mini";
import { DAY, HOUR, SECOND } from "./duration.ts";
import { Secret } from "./secret.ts";
import type { ArmedSession, Session } from "./session.ts";

export interface Provider {
	readonly tokenUrl: string;
	readonly profileUrl: string;
	readonly clientId: string;
	readonly body: "json" | "form";
	/** Says who asks: `baton/VERSION`. Baton never poses as another program. */
	readonly userAgent: string;
}

/** Where claude 2.1.330 sends its own refreshes. */
export const CLAUDE_PROVIDER = {
	tokenUrl: "https://platform.claude.com/v1/oauth/token",
	profileUrl: "https://api.anthropic.com/api/oauth/profile",
	clientId: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
	body: "json",
} as const satisfies Omit<Provider, "userAgent">;

export interface HttpRequest {
	readonly method: "GET" | "POST";
	readonly url: string;
	readonly headers: Readonly<Record<string, string | Secret>>;
	readonly body: Secret | undefined;
}

export interface HttpResponse {
	readonly status: number;
	/** Raw `Retry-After`, if there was one. */
	readonly retryAfter: string | undefined;
	/** Its `Date`: what the other side's clock showed. */
	readonly date: string | undefined;
	/** Undefined if it did not arrive whole, or was larger than allowed. */
	readonly body: string | undefined;
}

/** What a refresh came to. */
export type RefreshOutcome =
	| { readonly kind: "rotated"; readonly tokens: Tokens }
	/** The provider says this refresh token is dead: `invalid_grant`, and nothing else. */
	| { readonly kind: "dead" }
	/** An answer that shows the token was not used up: try again later. */
	| {
			readonly kind: "refused";
			readonly why: RefusalReason;
			readonly retryAfterMs: number | undefined;
	  }
	/** The request never left, so nothing was used up: no route, no name, connection refused. */
	| { readonly kind: "not-sent" }
	/** Sent, and no readable answer: nobody can say whether the token was used up. */
	| { readonly kind: "no-reply" };

export type RefusalReason =
	/** 429. */
	| "rate-limited"
	/** 403: seen for addresses of some servers, no verdict on the token. */
	| "forbidden"
	/** 5xx, or a redirect, which is never followed. */
	| "server"
	/** Another 4xx: our request or settings are wrong. */
	| "request";

export interface Tokens {
	readonly accessToken: Secret;
	/** Absent if the provider did not rotate: keep the old one. */
	readonly refreshToken: Secret | undefined;
	/** Ms from the response. */
	readonly expiresInMs: number;
	/** Ms from the response to the end of the login, if told. */
	readonly deadlineInMs: number | undefined;
	readonly scopes: readonly string[] | undefined;
}

export type ProbeOutcome =
	| { readonly kind: "good"; readonly account: string }
	/** 401. Once is a rumour; twice, a minute apart, counts. */
	| { readonly kind: "dead" }
	/** 403, 429, 5xx, silence, or something that is no profile: says nothing about the token. */
	| { readonly kind: "unknown" };

export function buildRefresh(provider: Provider, session: ArmedSession): HttpRequest {
	const fields: Record<string, string> = {
		grant_type: "refresh_token",
		refresh_token: session.refreshToken.reveal(),
		client_id: provider.clientId,
		...(session.scopes.length === 0 ? {} : { scope: session.scopes.join(" ") }),
	};
	const json = provider.body === "json";
	return {
		method: "POST",
		url: provider.tokenUrl,
		headers: {
			"content-type": json ? "application/json" : "application/x-www-form-urlencoded",
			accept: "application/json",
			"user-agent": provider.userAgent,
		},
		body: new Secret(json ? JSON.stringify(fields) : formOf(fields)),
	};
}

function formOf(fields: Record<string, string>): string {
	return Object.entries(fields)
		.map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
		.join("&");
}

const tokenText = z.string().check(z.minLength(1), z.maxLength(8192));

const tokensSchema = z.object({
	access_token: tokenText,
	refresh_token: z.nullish(z.string().check(z.maxLength(8192))),
	expires_in: z.optional(z.unknown()),
	refresh_token_expires_in: z.optional(z.unknown()),
	scope: z.optional(z.unknown()),
});

/**
 * Statuses behind which the request may have been carried out although the answer got lost on the way:
 * request timeout, gateway timeout, and two of a front server's own for "the origin sent no sane answer".
 * Every other error status is a refusal that used nothing up; 502 counts among them, since it is what
 * an ordinary outage shows and a claim or refresh must survive one.
 */
const LOST_ON_THE_WAY: readonly number[] = [408, 504, 520, 524];

/** @param now wall-clock ms, for a `Retry-After` that is a date */
export function judgeRefresh(response: HttpResponse, now: number): RefreshOutcome {
	const { status, body } = response;
	if (status >= 200 && status < 300) return judgeTokens(body);
	if (LOST_ON_THE_WAY.includes(status)) return { kind: "no-reply" };
	if (status >= 400 && status < 500 && errorOf(body) === "invalid_grant") return { kind: "dead" };
	return {
		kind: "refused",
		why: refusalOf(status),
		retryAfterMs: parseRetryAfter(response.retryAfter, clockOf(response, now)),
	};
}

/** A 2xx that cannot be read may have rotated the token all the same. */
function judgeTokens(body: string | undefined): RefreshOutcome {
	const parsed = tokensSchema.safeParse(parseJson(body));
	if (!parsed.success) return { kind: "no-reply" };
	const { access_token, refresh_token, expires_in, refresh_token_expires_in, scope } = parsed.data;
	return {
		kind: "rotated",
		tokens: {
			accessToken: new Secret(access_token),
			refreshToken: refresh_token ? new Secret(refresh_token) : undefined,
			expiresInMs: seconds(expires_in, 365 * DAY) ?? ASSUMED_LIFETIME,
			deadlineInMs: seconds(refresh_token_expires_in, 3650 * DAY),
			scopes: typeof scope === "string" && scope !== "" ? scope.split(" ") : undefined,
		},
	};
}

/** RFC 6749 5.1 lets a server leave `expires_in` out. An absurd one is treated alike. */
const ASSUMED_LIFETIME = HOUR;

function seconds(value: unknown, max: number): number | undefined {
	const ms = (typeof value === "string" ? Number(value) : value) as unknown;
	if (typeof ms !== "number" || !Number.isFinite(ms) || ms < 1) return undefined;
	return Math.min(ms * SECOND, max);
}

function refusalOf(status: number): RefusalReason {
	if (status === 429) return "rate-limited";
	if (status === 403) return "forbidden";
	return status >= 400 && status < 500 ? "request" : "server";
}

function errorOf(body: string | undefined): string | undefined {
	const value = parseJson(body);
	if (typeof value !== "object" || value === null || !("error" in value)) return undefined;
	return typeof value.error === "string" ? value.error : undefined;
}

/** A `Retry-After` that is a date is by the clock of whoever sent it, which may be hours off ours. */
function clockOf({ date }: HttpResponse, now: number): number {
	const theirs = date === undefined ? Number.NaN : Date.parse(date);
	return Number.isNaN(theirs) ? now : theirs;
}

/** RFC 9110 10.2.3: seconds or an HTTP date. Milliseconds from now, or undefined if it is neither. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
	if (value === undefined) return undefined;
	if (/^\d{1,9}$/.test(value.trim())) return Number(value) * SECOND;
	const at = Date.parse(value);
	return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

export function buildProbe(provider: Provider, accessToken: Secret): HttpRequest {
	return {
		method: "GET",
		url: provider.profileUrl,
		headers: {
			accept: "application/json",
			authorization: new Secret(`Bearer ${accessToken.reveal()}`),
			"user-agent": provider.userAgent,
		},
		body: undefined,
	};
}

const profileSchema = z.object({
	account: z.object({ uuid: z.string().check(z.minLength(1), z.maxLength(128)) }),
});

/** A 200 that is no profile comes from something in between, a hotel's page perhaps: it says nothing. */
export function judgeProbe(response: HttpResponse): ProbeOutcome {
	if (response.status === 401) return { kind: "dead" };
	if (response.status !== 200) return { kind: "unknown" };
	const profile = profileSchema.safeParse(parseJson(response.body));
	return profile.success
		? { kind: "good", account: profile.data.account.uuid }
		: { kind: "unknown" };
}

function parseJson(body: string | undefined): unknown {
	if (body === undefined) return undefined;
	try {
		return JSON.parse(body);
	} catch {
		return undefined;
	}
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
		scopes: tokens.scopes ?? session.scopes,
	};
}
