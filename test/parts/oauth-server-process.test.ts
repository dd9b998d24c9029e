import { afterAll, beforeAll, expect, test } from "vitest";
import { type OAuthServerProcess, startOAuthServerProcess } from "./oauth-server-process.ts";
import { lineageOf } from "./token-ledger.ts";

let server: OAuthServerProcess;

beforeAll(async () => {
	server = await startOAuthServerProcess({ accessTokenSeconds: 600 });
});

afterAll(async () => {
	await server.close();
	expect(() => process.kill(server.pid, 0)).toThrow();
});

async function refresh(token: string): Promise<Record<string, string>> {
	const reply = await fetch(server.tokenUrl, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({
			grant_type: "refresh_token",
			refresh_token: token,
			client_id: server.clientId,
		}),
	});
	return (await reply.json()) as Record<string, string>;
}

test("a login is minted, refreshed and counted across the process boundary", async () => {
	const login = await server.mintLogin();
	const { access_token: access = "" } = await refresh(login.refreshToken);
	expect(await server.liveAccess(access)).toMatchObject({ account: { uuid: login.accountUuid } });
	expect(await server.liveAccess(login.accessToken)).toBeUndefined();
	expect(await server.rotations(lineageOf(login.refreshToken))).toBe(1);
});

test("its resource server counts", async () => {
	const { accessToken } = await server.mintLogin();
	await fetch(`${server.resourceUrl}/v1/messages`, {
		method: "POST",
		headers: { authorization: `Bearer ${accessToken}` },
	});
	expect(await server.uses()).toMatchObject([{ accepted: 1, refused: 0 }]);
});

test("a held request is released by a later call", async () => {
	const login = await server.mintLogin();
	await server.inject("token", { kind: "hold", when: "after" });
	const answer = refresh(login.refreshToken);
	await server.untilHeld();
	expect(await server.liveRefresh(login.refreshToken)).toBe(false);
	await server.release();
	expect(await answer).toHaveProperty("access_token");
});

test("a call that fails says why", async () => {
	await expect(server.revokeLogin("0123456789abcdef")).rejects.toThrow("0123456789abcdef");
	await expect(server.untilHeld(1, 5)).rejects.toThrow();
});
