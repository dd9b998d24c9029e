/**
 * The two exchanges with the provider, each as a pair: build the request, judge the response. Sending
 * is an engine's work.
 *
 * Refresh: RFC 6749 section 6, in JSON as claude 2.1.330 sends it, or as the form the RFC names.
 * Probe: the profile address, which names the account and spends nothing.
 */

import * as z from "zod/mini";
import { DAY, SECOND } from "./duration.ts";
import { scopesOf } from "./scopes.ts";
import { Secret } from "./secret.ts";
import type { ArmedSession } from "./session.ts";
import { readTokens, type Tokens } from "./tokens.ts";

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
	/** Its `Date`: what the other side's clock showed, unless it lay in a cache since. */
	readonly date: string | undefined;
	/** Undefined if it did not arrive whole, or was larger than allowed. */
	readonly body: string | undefined;
}

/** What a refresh came to. */
export type RefreshOutcome =
	| {
			readonly kind: "rotated";
			readonly tokens: Tokens;
			/** What the provider's clock showed, wall-clock ms, where that was told. */
			readonly theirNow?: number | undefined;
	  }
	/** The provider says this refresh token is dead: `invalid_grant`, and nothing else. */
	| { readonly kind: "dead" }
	/** An answer that shows the token was not used up: try again later. */
	| {
			readonly kind: "refused";
			readonly why: RefusalReason;
			readonly retryAfterMs: number | undefined;
	  }
	/** The request never left, so nothing was used up: no route, no name, connection refused. */
	| { readonly kind: "not-sent"; readonly why?: NotSentReason }
	/** Sent, and no readable answer: nobody can say whether the token was used up. */
	| { readonly kind: "no-reply" };

/** Why no connection to the provider came about, where it is more than that there was no way. */
export type NotSentReason =
	/** The proxy refused, asked for a password, or is no proxy. */
	| "proxy"
	/** The other end's certificate is not trusted, has ended, or is another's. */
	| "certificate";

/** What a look at an engine that nobody listened to any more shows. */
export type HarvestOutcome =
	/** It lives, and may still spend the token. */
	| { readonly kind: "running" }
	/**
	 * It has ended, and nobody can say what it came to. `endedAt`: until when it may have been at it, if
	 * that may be later than the intent; wall-clock ms.
	 */
	| { readonly kind: "nothing"; readonly endedAt: number | undefined }
	/** What it came to is known after all. */
	| Exclude<RefreshOutcome, { kind: "no-reply" }>;

export type RefusalReason =
	/** 429. */
	| "rate-limited"
	/** 403: seen for addresses of some servers, no verdict on the token. */
	| "forbidden"
	/** 5xx, or a redirect, which is never followed. */
	| "server"
	/** `invalid_scope`: it has to be asked for without naming scopes. */
	| "scope"
	/** Another 4xx: our request or settings are wrong. */
	| "request";

export type ProbeOutcome =
	| {
			readonly kind: "good";
			readonly account: string;
			/** As in `rotated`. */
			readonly theirNow?: number | undefined;
	  }
	/** 401. Once is a rumour; twice, a minute apart, counts. */
	| { readonly kind: "dead" }
	/** 403, 429, 5xx, silence, or something that is no profile: says nothing about the token. */
	| { readonly kind: "unknown" };

/**
 * Asks for the scopes of the login, as claude does and RFC 6749 section 6 allows: never for one more.
 *
 * @param unscoped leaves them out, which the RFC takes for all that were granted with the login
 */
export function buildRefresh(
	provider: Provider,
	session: ArmedSession,
	{ unscoped = false } = {},
): HttpRequest {
	const scopes = unscoped ? [] : scopesOf(session.scopes);
	const fields: Record<string, string> = {
		grant_type: "refresh_token",
		refresh_token: session.refreshToken.reveal(),
		client_id: provider.clientId,
		...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
	};
	return buildPost(provider, provider.tokenUrl, fields);
}

/** Fields for an address of the provider's, in JSON or as a form, whichever it takes. */
export function buildPost(
	{ body, userAgent }: Pick<Provider, "body" | "userAgent">,
	url: string,
	fields: Readonly<Record<string, string>>,
): HttpRequest {
	const json = body === "json";
	return {
		method: "POST",
		url,
		headers: {
			"content-type": json ? "application/json" : "application/x-www-form-urlencoded",
			accept: "application/json",
			"user-agent": userAgent,
		},
		body: new Secret(json ? JSON.stringify(fields) : formOf(fields)),
	};
}

function formOf(fields: Readonly<Record<string, string>>): string {
	return Object.entries(fields)
		.map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
		.join("&");
}

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
	const theirNow = theirClock(response, now);
	if (status >= 200 && status < 300) {
		// One that cannot be read may have rotated the token all the same.
		const tokens = readTokens(parseJson(body));
		return tokens === undefined ? { kind: "no-reply" } : { kind: "rotated", tokens, theirNow };
	}
	if (LOST_ON_THE_WAY.includes(status)) return { kind: "no-reply" };
	const error = status >= 400 && status < 500 ? errorOf(body) : undefined;
	if (error === "invalid_grant") return { kind: "dead" };
	return {
		kind: "refused",
		why: error === "invalid_scope" ? "scope" : refusalOf(status),
		retryAfterMs: parseRetryAfter(response.retryAfter, theirNow ?? now),
	};
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

/** RFC 9110 5.6.7, the one form that is still made. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
/** A certificate is not good for so much longer that a clock this far off could have come to an answer. */
const FARTHEST_CLOCK = 31 * DAY;

/**
 * What the clock of whoever answered showed, which may be hours off ours: a `Retry-After` that is a date
 * is by that one. Undefined if it was not told, or is so far from ours that it tells nothing.
 */
function theirClock({ date }: HttpResponse, now: number): number | undefined {
	if (date === undefined || !HTTP_DATE.test(date)) return undefined;
	const theirs = Date.parse(date);
	return Math.abs(theirs - now) <= FARTHEST_CLOCK ? theirs : undefined;
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
export function judgeProbe(response: HttpResponse, now: number): ProbeOutcome {
	if (response.status === 401) return { kind: "dead" };
	if (response.status !== 200) return { kind: "unknown" };
	const profile = profileSchema.safeParse(parseJson(response.body));
	if (!profile.success) return { kind: "unknown" };
	return { kind: "good", account: profile.data.account.uuid, theirNow: theirClock(response, now) };
}

function parseJson(body: string | undefined): unknown {
	if (body === undefined) return undefined;
	try {
		// RFC 8259 8.1 lets a reader pass over a byte order mark.
		return JSON.parse(body.replace(/^\ufeff/, ""));
	} catch {
		return undefined;
	}
}
