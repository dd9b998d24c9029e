import { describe, expect, test } from "vitest";
import { DAY, HOUR, MINUTE, SECOND } from "./duration.ts";
import {
	buildProbe,
	buildRefresh,
	CLAUDE_PROVIDER,
	type HttpResponse,
	judgeProbe,
	judgeRefresh,
	type ProbeOutcome,
	type Provider,
	parseRetryAfter,
	type RefreshOutcome,
} from "./oauth.ts";
import { Secret } from "./secret.ts";
import { type ArmedSession, isArmed, parseEntry } from "./session.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const PROVIDER: Provider = { ...CLAUDE_PROVIDER, userAgent: "baton/1.2.3" };

function session(fields: object = {}): ArmedSession {
	const parsed = parseEntry({
		accessToken: "old-access",
		refreshToken: "old&refresh=ä",
		scopes: ["user:inference", "user:profile"],
		...fields,
	});
	if (!isArmed(parsed)) throw new Error("made to be armed");
	return parsed;
}

describe("the refresh request", () => {
	test("in JSON, as claude sends it", () => {
		const request = buildRefresh(PROVIDER, session());
		expect(request).toMatchObject({
			method: "POST",
			url: "https://platform.claude.com/v1/oauth/token",
			headers: { "content-type": "application/json", "user-agent": "baton/1.2.3" },
		});
		expect(JSON.parse(request.body?.reveal() ?? "")).toEqual({
			grant_type: "refresh_token",
			refresh_token: "old&refresh=ä",
			client_id: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
			scope: "user:inference user:profile",
		});
	});

	test("as a form, by setting", () => {
		const request = buildRefresh({ ...PROVIDER, body: "form" }, session());
		expect(request.headers["content-type"]).toBe("application/x-www-form-urlencoded");
		const form = new Map(
			(request.body?.reveal() ?? "").split("&").map((pair): [string, string] => {
				const [key = "", value = ""] = pair.split("=");
				return [key, decodeURIComponent(value)];
			}),
		);
		expect(form.get("refresh_token")).toBe("old&refresh=ä");
		expect(form.get("scope")).toBe("user:inference user:profile");
		expect(form.size).toBe(4);
	});

	test.each([
		["none is known", session({ scopes: [] }), {}],
		["none of them is one", session({ scopes: ["a b", ""] }), {}],
		["the provider refused to be asked by name", session(), { unscoped: true }],
	])("asks for no scope where %s", (_why, login, how) => {
		const request = buildRefresh(PROVIDER, login, how);
		expect(JSON.parse(request.body?.reveal() ?? "")).not.toHaveProperty("scope");
	});

	test("shows no token", () => {
		expect(JSON.stringify(buildRefresh(PROVIDER, session()))).not.toContain("refresh=");
	});
});

test("the probe names the token in its header only, and shows it to nobody", () => {
	const probe = buildProbe(PROVIDER, new Secret("CANARY"));
	expect(probe).toMatchObject({ method: "GET", url: PROVIDER.profileUrl, body: undefined });
	expect((probe.headers.authorization as Secret).reveal()).toBe("Bearer CANARY");
	expect(JSON.stringify(probe)).not.toContain("CANARY");
});

function answer(status: number, body?: unknown, retryAfter?: string, date?: string): HttpResponse {
	const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
	return { status, retryAfter, date, body: text };
}

const httpDate = (at: number) => new Date(at).toUTCString();

/** Not dates, not in the form that is made, or so far off that no certificate would have held. */
const ABSURD_DATES = [
	"",
	"now",
	"5",
	"2026-11-21T12:00:00Z",
	"Sat, 21 Nov 2026 17:00:00 +0500",
	"Thu, 01 Jan 1970 00:00:00 GMT",
	"Fri, 31 Dec 9999 23:59:59 GMT",
	"Sat, 99 Nov 2026 99:99:99 GMT",
];

const PROFILE = { account: { uuid: "acct", email: "CANARY" }, organization: {} };

const GOOD = { access_token: "new-access", refresh_token: "new-refresh", expires_in: 28_800 };

describe("judging a refresh", () => {
	interface Row {
		what: string;
		response: HttpResponse;
		outcome: RefreshOutcome["kind"] | { refused: string };
	}
	const html = "<html><body>CANARY</body></html>";
	const invalidGrant = { error: "invalid_grant", error_description: "CANARY" };

	test.each<Row>([
		{ what: "200", response: answer(200, GOOD), outcome: "rotated" },
		{ what: "201", response: answer(201, GOOD), outcome: "rotated" },
		// Rotated perhaps, and the tokens lost: never "try again".
		{ what: "200, no body", response: answer(200), outcome: "no-reply" },
		{ what: "200, empty", response: answer(200, ""), outcome: "no-reply" },
		{ what: "200, html", response: answer(200, html), outcome: "no-reply" },
		{
			what: "200, cut short",
			response: answer(200, JSON.stringify(GOOD).slice(0, -4)),
			outcome: "no-reply",
		},
		{ what: "200, an array", response: answer(200, []), outcome: "no-reply" },
		{ what: "200, null", response: answer(200, "null"), outcome: "no-reply" },
		{
			what: "200, no access token",
			response: answer(200, { refresh_token: "CANARY" }),
			outcome: "no-reply",
		},
		{
			what: "200, empty access token",
			response: answer(200, { ...GOOD, access_token: "" }),
			outcome: "no-reply",
		},
		{
			what: "200, access token a number",
			response: answer(200, { ...GOOD, access_token: 5 }),
			outcome: "no-reply",
		},
		{
			what: "200, refresh token an object",
			response: answer(200, { ...GOOD, refresh_token: {} }),
			outcome: "no-reply",
		},
		{
			what: "200, refresh token of 10 MB",
			response: answer(200, { ...GOOD, refresh_token: "x".repeat(10_000_000) }),
			outcome: "no-reply",
		},
		{
			what: "200, an access token with a line break",
			response: answer(200, { ...GOOD, access_token: "new\naccess" }),
			outcome: "no-reply",
		},
		{
			what: "200, a refresh token with a letter beyond ASCII",
			response: answer(200, { ...GOOD, refresh_token: "néw" }),
			outcome: "no-reply",
		},
		{
			what: "200, nested as deep as it goes",
			response: answer(200, "[".repeat(60_000)),
			outcome: "no-reply",
		},
		{
			what: "200, after a mark",
			response: answer(200, `\ufeff${JSON.stringify(GOOD)}`),
			outcome: "rotated",
		},
		{ what: "200, an error", response: answer(200, invalidGrant), outcome: "no-reply" },
		{ what: "204", response: answer(204), outcome: "no-reply" },
		// Only this is a verdict on the token.
		{ what: "400 invalid_grant", response: answer(400, invalidGrant), outcome: "dead" },
		{ what: "401 invalid_grant", response: answer(401, invalidGrant), outcome: "dead" },
		// Every other 4xx is about us, our address or the moment.
		{
			what: "400 invalid_request",
			response: answer(400, { error: "invalid_request" }),
			outcome: { refused: "request" },
		},
		{
			what: "400 invalid_scope",
			response: answer(400, { error: "invalid_scope" }),
			outcome: { refused: "scope" },
		},
		{
			what: "401 invalid_client",
			response: answer(401, { error: "invalid_client" }),
			outcome: { refused: "request" },
		},
		{ what: "400 html", response: answer(400, html), outcome: { refused: "request" } },
		{
			what: "400 with invalid_grant in another place",
			response: answer(400, { error: { type: "invalid_grant" }, message: "invalid_grant" }),
			outcome: { refused: "request" },
		},
		{ what: "404", response: answer(404), outcome: { refused: "request" } },
		{ what: "403", response: answer(403, html), outcome: { refused: "forbidden" } },
		{ what: "429", response: answer(429), outcome: { refused: "rate-limited" } },
		{ what: "500", response: answer(500, html), outcome: { refused: "server" } },
		{ what: "502", response: answer(502, html), outcome: { refused: "server" } },
		{ what: "503", response: answer(503, html), outcome: { refused: "server" } },
		{
			what: "500 that says invalid_scope",
			response: answer(500, { error: "invalid_scope" }),
			outcome: { refused: "server" },
		},
		{
			what: "500 that says invalid_grant",
			response: answer(500, invalidGrant),
			outcome: { refused: "server" },
		},
		// Not followed: a refresh token goes to the address it was meant for.
		{ what: "302", response: answer(302), outcome: { refused: "server" } },
		{ what: "307", response: answer(307), outcome: { refused: "server" } },
		// Lost on the way, carried out perhaps.
		{ what: "408", response: answer(408), outcome: "no-reply" },
		{ what: "504", response: answer(504, html), outcome: "no-reply" },
		{ what: "520", response: answer(520, html), outcome: "no-reply" },
		{ what: "524", response: answer(524, html), outcome: "no-reply" },
	])("$what: $outcome", ({ response, outcome }) => {
		const judged = judgeRefresh(response, NOW);
		expect(judged.kind === "refused" ? { refused: judged.why } : judged.kind).toEqual(outcome);
		expect(JSON.stringify(judged)).not.toContain("CANARY");
	});

	test.each<[status: number, retryAfter: string | undefined, ms: number | undefined]>([
		[429, "120", 2 * MINUTE],
		[429, "Sat, 21 Nov 2026 12:10:00 GMT", 10 * MINUTE],
		[429, undefined, undefined],
		[503, "30", 30 * SECOND],
		[403, "60", MINUTE],
	])("%d with Retry-After %j waits %j ms", (status, retryAfter, ms) => {
		expect(judgeRefresh(answer(status, undefined, retryAfter), NOW)).toMatchObject({
			kind: "refused",
			retryAfterMs: ms,
		});
	});

	test.each([-5, 5])("a Retry-After that is a date, from a clock %d hours off ours", (hours) => {
		const theirs = NOW + hours * HOUR;
		const [date, after] = [theirs, theirs + 10 * MINUTE].map(httpDate);
		expect(judgeRefresh(answer(429, undefined, after, date), NOW)).toMatchObject({
			retryAfterMs: 10 * MINUTE,
		});
	});

	test.each(ABSURD_DATES)("a Retry-After that is a date, beside the Date %j", (date) => {
		const after = httpDate(NOW + 10 * MINUTE);
		expect(judgeRefresh(answer(429, undefined, after, date), NOW)).toMatchObject({
			retryAfterMs: 10 * MINUTE,
		});
	});
});

describe("what the provider's clock showed", () => {
	const clockOf = (date: string | undefined) => {
		const refreshed = judgeRefresh(answer(200, GOOD, undefined, date), NOW);
		const probed = judgeProbe(answer(200, PROFILE, undefined, date), NOW);
		return [refreshed, probed].map((judged) => "theirNow" in judged && judged.theirNow);
	};

	test.each([0, -5 * HOUR, 5 * HOUR, 20 * DAY])("is its Date, %d ms from ours", (off) => {
		expect(clockOf(httpDate(NOW + off))).toEqual([NOW + off, NOW + off]);
	});

	test.each([undefined, ...ABSURD_DATES])("is not told by the Date %j", (date) => {
		expect(clockOf(date)).toEqual([undefined, undefined]);
	});
});

test.each<[value: string | undefined, ms: number | undefined]>([
	[undefined, undefined],
	["0", 0],
	[" 5 ", 5 * SECOND],
	["999999999", 999_999_999 * SECOND],
	["Sat, 21 Nov 2026 11:00:00 GMT", 0],
	["soon", undefined],
	["", undefined],
])("Retry-After %j is %j ms", (value, ms) => {
	expect(parseRetryAfter(value, NOW)).toBe(ms);
});

describe("judging a probe", () => {
	test.each<[what: string, response: HttpResponse, outcome: ProbeOutcome]>([
		["200 with a profile", answer(200, PROFILE), { kind: "good", account: "acct" }],
		["200 with html, a hotel's page", answer(200, "<html>"), { kind: "unknown" }],
		["200 without a body", answer(200), { kind: "unknown" }],
		["200 without an account", answer(200, {}), { kind: "unknown" }],
		["200 with an empty account", answer(200, { account: { uuid: "" } }), { kind: "unknown" }],
		["401", answer(401, { error: "CANARY" }), { kind: "dead" }],
		["403", answer(403), { kind: "unknown" }],
		["403 that says revoked", answer(403, { error: "revoked" }), { kind: "unknown" }],
		["404", answer(404), { kind: "unknown" }],
		["429", answer(429, undefined, "5"), { kind: "unknown" }],
		["500", answer(500), { kind: "unknown" }],
		["302", answer(302), { kind: "unknown" }],
		["201 with a profile", answer(201, PROFILE), { kind: "unknown" }],
	])("%s", (_what, response, outcome) => {
		expect(judgeProbe(response, NOW)).toEqual(outcome);
	});
});
