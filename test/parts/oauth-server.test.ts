import { afterEach, expect, test, vi } from "vitest";
import type { ClaudeAiOauth, OAuthServer, OAuthServerOptions } from "./oauth-control.ts";
import { CANARY, startOAuthServer } from "./oauth-server.ts";
import type { ProviderFault } from "./provider-fault.ts";
import { startResourceServer } from "./resource-server.ts";
import { fingerprintOf, lineageOf } from "./token-ledger.ts";

const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
	for (const part of opened.splice(0)) await part.close();
});

async function open(options: Partial<OAuthServerOptions> = {}): Promise<OAuthServer> {
	const server = await startOAuthServer({ accessTokenSeconds: 600, ...options });
	opened.push(server);
	return server;
}

interface Reply {
	status: number;
	headers: Headers;
	text: string;
	json: Record<string, string | number>;
}

async function post(url: string, body: Record<string, string>): Promise<Reply> {
	const reply = await fetch(url, {
		method: "POST",
		headers: { "content-type": "application/json", "user-agent": "part-test" },
		body: JSON.stringify(body),
	});
	const text = await reply.text();
	const json = text.startsWith("{") && text.endsWith("}") ? JSON.parse(text) : {};
	return { status: reply.status, headers: reply.headers, text, json };
}

function refresh(server: OAuthServer, token: string): Promise<Reply> {
	return post(server.tokenUrl, {
		grant_type: "refresh_token",
		refresh_token: token,
		client_id: server.clientId,
		scope: "user:inference user:profile",
	});
}

async function profile(server: OAuthServer, token: string): Promise<number> {
	const reply = await fetch(server.profileUrl, { headers: { authorization: `Bearer ${token}` } });
	await reply.text();
	return reply.status;
}

async function rotated(server: OAuthServer, login: ClaudeAiOauth) {
	const { json } = await refresh(server, login.refreshToken);
	return { accessToken: String(json.access_token), refreshToken: String(json.refresh_token) };
}

test("a login carries the prefixes, the canary and a fixed end", async () => {
	const server = await open({ refreshTokenDeadlineSeconds: 1000 });
	const login = await server.mintLogin();
	expect(login.accessToken).toMatch(new RegExp(`^sk-ant-oat01-${CANARY}`));
	expect(login.refreshToken).toMatch(new RegExp(`^sk-ant-ort01-${CANARY}`));
	expect(login.refreshTokenExpiresAt - Date.now()).toBeGreaterThan(990_000);
	expect(login.scopes).toContain("user:inference");
});

test("a refresh rotates and keeps the end of the login", async () => {
	const server = await open({ refreshTokenDeadlineSeconds: 1000 });
	const login = await server.mintLogin();
	const { status, json } = await refresh(server, login.refreshToken);
	expect(status).toBe(200);
	expect(Object.keys(json).sort()).toEqual([
		"access_token",
		"expires_in",
		"refresh_token",
		"refresh_token_expires_in",
		"scope",
		"token_type",
	]);
	expect(json).toMatchObject({ expires_in: 600, token_type: "Bearer" });
	expect(json.refresh_token).not.toBe(login.refreshToken);
	expect(json.refresh_token_expires_in).toBeLessThanOrEqual(1000);
	const again = await refresh(server, String(json.refresh_token));
	expect(again.json.refresh_token_expires_in).toBeLessThanOrEqual(1000);
	expect(await server.rotations(lineageOf(login.refreshToken))).toBe(2);
	expect(await server.spentTwice()).toEqual([]);
});

test("the endpoint takes a form too", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	const reply = await fetch(server.tokenUrl, {
		method: "POST",
		body: new URLSearchParams({
			grant_type: "refresh_token",
			refresh_token: refreshToken,
			client_id: server.clientId,
		}),
	});
	expect(await reply.json()).toHaveProperty("refresh_token");
});

test("a replayed token is refused and takes the newest with it", async () => {
	const server = await open();
	const login = await server.mintLogin();
	const next = await rotated(server, login);
	expect(await server.liveRefresh(next.refreshToken)).toBe(true);
	const replay = await refresh(server, login.refreshToken);
	expect([replay.status, replay.json.error]).toEqual([400, "invalid_grant"]);
	expect((await refresh(server, next.refreshToken)).json.error).toBe("invalid_grant");
	expect(await profile(server, next.accessToken)).toBe(401);
	const twice = await server.spentTwice(lineageOf(login.refreshToken));
	expect(twice.map((p) => [p.fp, p.userAgent, p.outcome])).toEqual([
		[fingerprintOf(login.refreshToken), "part-test", "refused"],
	]);
});

test("of two refreshes at once one wins, and the family is gone", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	const both = await Promise.all([refresh(server, refreshToken), refresh(server, refreshToken)]);
	expect(both.map((r) => r.status).sort()).toEqual([200, 400]);
	const winner = both.find((r) => r.status === 200)?.json.refresh_token;
	expect(await server.liveRefresh(String(winner))).toBe(false);
});

test("logins do not disturb each other", async () => {
	const server = await open();
	const [one, two] = [await server.mintLogin(), await server.mintLogin()];
	await rotated(server, one);
	await refresh(server, one.refreshToken);
	expect(await server.liveRefresh(two.refreshToken)).toBe(true);
});

test.each([
	{ killOldAccess: true, status: 401 },
	{ killOldAccess: false, status: 200 },
])("killOldAccess $killOldAccess: the old access token gets $status", async (row) => {
	const server = await open({ killOldAccess: row.killOldAccess });
	const login = await server.mintLogin();
	expect(await profile(server, login.accessToken)).toBe(200);
	const next = await rotated(server, login);
	expect(await profile(server, login.accessToken)).toBe(row.status);
	expect(await profile(server, next.accessToken)).toBe(200);
});

test("without rotation the refresh token stays", async () => {
	const server = await open({ rotate: false });
	const login = await server.mintLogin();
	const next = await rotated(server, login);
	expect(next.refreshToken).toBe(login.refreshToken);
	const [presentation] = await server.presentations();
	expect(presentation?.outcome).toBe("kept");
});

test("the profile names the account", async () => {
	const server = await open();
	const account = { uuid: "u-1", email: "a@example.invalid", organizationUuid: "o-1" };
	const { accessToken } = await server.mintLogin({ account });
	const headers = { authorization: `Bearer ${accessToken}` };
	const reply = await fetch(server.profileUrl, { headers });
	expect(await reply.json()).toMatchObject({
		account: { uuid: "u-1", email: "a@example.invalid" },
		organization: { uuid: "o-1" },
	});
});

test("a setup token lives but may not read the profile", async () => {
	const server = await open();
	const token = await server.mintSetupToken();
	expect(await server.liveAccess(token)).toMatchObject({ scopes: ["user:inference"] });
	expect(await profile(server, token)).toBe(403);
});

test("access tokens and logins end at their time", async () => {
	const server = await open();
	const login = await server.mintLogin({ accessTokenSeconds: 60, refreshTokenDeadlineSeconds: 90 });
	vi.useFakeTimers({ toFake: ["Date"] });
	try {
		vi.setSystemTime(Date.now() + 61_000);
		expect(await server.liveAccess(login.accessToken)).toBeUndefined();
		expect(await server.liveRefresh(login.refreshToken)).toBe(true);
		vi.setSystemTime(Date.now() + 30_000);
		expect((await refresh(server, login.refreshToken)).json.error).toBe("invalid_grant");
	} finally {
		vi.useRealTimers();
	}
});

test("killing and revoking from elsewhere", async () => {
	const server = await open();
	const login = await server.mintLogin();
	await server.killAccess(login.accessToken);
	expect(await profile(server, login.accessToken)).toBe(401);
	expect(await server.liveRefresh(login.refreshToken)).toBe(true);
	await server.revokeLogin(lineageOf(login.refreshToken));
	expect(await server.liveRefresh(login.refreshToken)).toBe(false);
});

test("revoking a refresh token at its endpoint ends the login", async () => {
	const server = await open();
	const login = await server.mintLogin();
	const body = { token: login.refreshToken, client_id: server.clientId };
	expect((await post(server.revokeUrl, body)).status).toBe(200);
	expect(await server.liveRefresh(login.refreshToken)).toBe(false);
	expect(await profile(server, login.accessToken)).toBe(401);
});

test("a lost reply really rotated", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "lose-reply" });
	await expect(refresh(server, refreshToken)).rejects.toThrow();
	expect(await server.liveRefresh(refreshToken)).toBe(false);
	const [entry] = await server.presentations();
	expect(entry).toMatchObject({ outcome: "rotated", answered: false });
	expect((await refresh(server, refreshToken)).json.error).toBe("invalid_grant");
});

test("a dropped request did nothing", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "drop-request" });
	await expect(refresh(server, refreshToken)).rejects.toThrow();
	expect((await server.presentations())[0]?.outcome).toBe("dropped");
	expect((await refresh(server, refreshToken)).status).toBe(200);
	expect(await server.spentTwice()).toEqual([]);
});

test("an omitted refresh token was kept", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "omit-refresh-token" });
	const { status, json } = await refresh(server, refreshToken);
	expect(status).toBe(200);
	expect(json).not.toHaveProperty("refresh_token");
	expect(await server.liveRefresh(refreshToken)).toBe(true);
	expect((await rotated(server, { refreshToken } as ClaudeAiOauth)).refreshToken).not.toBe(
		refreshToken,
	);
});

test.each([
	{ status: 429, retryAfter: 7, header: "7" },
	{
		status: 429,
		retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT",
		header: "Wed, 21 Oct 2026 07:28:00 GMT",
	},
	{ status: 403, header: null },
	{ status: 500, header: null },
	{ status: 502, header: null },
	{ status: 503, retryAfter: 1, header: "1" },
])("status $status with Retry-After $header comes before the provider", async (row) => {
	const { header, ...fault } = row;
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "status", ...fault } as ProviderFault, 2);
	for (const _ of [1, 2]) {
		const reply = await refresh(server, refreshToken);
		expect([reply.status, reply.headers.get("retry-after")]).toEqual([row.status, header]);
	}
	expect((await refresh(server, refreshToken)).status).toBe(200);
});

test("a status after the fact hides a rotation", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "status", status: 502, when: "after" });
	expect((await refresh(server, refreshToken)).status).toBe(502);
	expect((await server.presentations())[0]?.outcome).toBe("rotated");
});

test.each([
	{ body: "garbage", check: (r: Reply) => r.text.includes("not json") },
	{ body: "html", check: (r: Reply) => r.text.startsWith("<!doctype") },
	{ body: "empty", check: (r: Reply) => r.text === "" },
	{ body: "huge", check: (r: Reply) => r.text.length > 16_000_000 && !!r.json.refresh_token },
] as const)("a $body body", async ({ body, check }) => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "body", body });
	expect(check(await refresh(server, refreshToken))).toBe(true);
	expect((await server.presentations())[0]).toMatchObject({ outcome: "rotated", answered: false });
});

test("a truncated body ends in an error, a stalled one never", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "body", body: "truncated", when: "before" });
	await expect(refresh(server, refreshToken)).rejects.toThrow();
	await server.inject("token", { kind: "body", body: "stalled", when: "before" });
	const reply = await fetch(server.tokenUrl, {
		method: "POST",
		body: `refresh_token=${refreshToken}`,
		signal: AbortSignal.timeout(200),
	});
	await expect(reply.text()).rejects.toThrow(/aborted/);
	expect((await refresh(server, refreshToken)).status).toBe(200);
});

test("a held request goes on when released, even with nobody waiting", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	const patience = new AbortController();
	await server.inject("token", { kind: "hold" });
	const answer = fetch(server.tokenUrl, {
		method: "POST",
		body: new URLSearchParams({
			grant_type: "refresh_token",
			refresh_token: refreshToken,
			client_id: server.clientId,
		}),
		signal: patience.signal,
	});
	answer.catch(() => undefined);
	await server.untilHeld();
	patience.abort();
	await expect(answer).rejects.toThrow();
	expect(await server.liveRefresh(refreshToken)).toBe(true);
	await server.release();
	await vi.waitFor(async () => expect(await server.liveRefresh(refreshToken)).toBe(false));
});

test("a delayed reply has rotated already", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	await server.inject("token", { kind: "delay", ms: 30, when: "after" });
	const answer = refresh(server, refreshToken);
	await vi.waitFor(async () => expect((await server.presentations())[0]?.outcome).toBe("rotated"));
	expect((await answer).status).toBe(200);
});

test("down refuses connections, up is on the same port", async () => {
	const server = await open();
	const { refreshToken } = await server.mintLogin();
	const { port } = server;
	await server.down();
	await expect(refresh(server, refreshToken)).rejects.toMatchObject({
		cause: { code: "ECONNREFUSED" },
	});
	await server.up();
	expect(server.port).toBe(port);
	expect((await refresh(server, refreshToken)).status).toBe(200);
});

test("one false 401 from the profile kills nothing", async () => {
	const server = await open();
	const { accessToken } = await server.mintLogin();
	await server.inject("profile", { kind: "status", status: 401 });
	expect(await profile(server, accessToken)).toBe(401);
	expect(await profile(server, accessToken)).toBe(200);
	await server.inject("profile", { kind: "status", status: 503 }, "until-cleared");
	expect(await profile(server, accessToken)).toBe(503);
	expect(await profile(server, accessToken)).toBe(503);
	await server.clearFaults("profile");
	expect(await profile(server, accessToken)).toBe(200);
});

test("the resource server takes only live access tokens and counts", async () => {
	const server = await open();
	const isLive = async (token: string) => !!(await server.liveAccess(token));
	const resource = await startResourceServer({ isLive });
	opened.push(resource);
	const ask = async (token: string, stream: boolean) => {
		const reply = await fetch(`${resource.url}/v1/messages`, {
			method: "POST",
			headers: { authorization: `Bearer ${token}` },
			body: JSON.stringify({ stream }),
		});
		return [reply.status, (await reply.text()).includes("hello")];
	};
	const login = await server.mintLogin();
	expect(await ask(login.accessToken, false)).toEqual([200, true]);
	expect(await ask(login.accessToken, true)).toEqual([200, true]);
	const next = await rotated(server, login);
	expect(await ask(login.accessToken, false)).toEqual([401, false]);
	expect(await ask(next.refreshToken, false)).toEqual([401, false]);
	expect(resource.uses()[0]).toEqual({
		fp: fingerprintOf(login.accessToken),
		accepted: 2,
		refused: 1,
	});
	expect([resource.accepted(), resource.refused()]).toEqual([2, 2]);
});

test.each([
	["not json", "application/json", "{"],
	["not text", "application/json", '{"refresh_token":1}'],
	["another grant", "application/json", '{"grant_type":"password"}'],
])("a request that is %s is refused", async (_name, type, body) => {
	const server = await open();
	const reply = await fetch(server.tokenUrl, {
		method: "POST",
		headers: { "content-type": type },
		body,
	});
	expect(reply.status).toBe(400);
	expect(await reply.json()).toHaveProperty("error");
});

test("nothing is said on the console", async () => {
	const said = ["log", "info", "warn", "error"].map((name) =>
		vi.spyOn(console, name as "log").mockImplementation(() => undefined),
	);
	const server = await open();
	const next = await rotated(server, await server.mintLogin());
	await post(server.revokeUrl, { token: next.refreshToken, client_id: server.clientId });
	for (const spy of said) expect(spy).not.toHaveBeenCalled();
	vi.restoreAllMocks();
});
