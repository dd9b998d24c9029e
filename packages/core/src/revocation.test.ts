import { expect, test } from "vitest";
import { CLAUDE_PROVIDER } from "./oauth.ts";
import { buildRevocation, CLAUDE_REVOKE_URL, judgeRevocation } from "./revocation.ts";
import { Secret } from "./secret.ts";
import { parseEntry, setupTokenSession } from "./session.ts";

const PROVIDER = { ...CLAUDE_PROVIDER, revokeUrl: CLAUDE_REVOKE_URL, userAgent: "baton/0" };
const LOGIN = parseEntry({ accessToken: "CANARY-a", refreshToken: "CANARY r&=" });

test("names the refresh token, as claude does, and under our own name", () => {
	const { method, url, headers, body } = buildRevocation(PROVIDER, LOGIN);
	expect([method, url]).toEqual(["POST", "https://platform.claude.com/v1/oauth/token/revoke"]);
	expect(headers["user-agent"]).toBe("baton/0");
	expect(JSON.parse(body?.reveal() ?? "")).toEqual({
		token: "CANARY r&=",
		token_type_hint: "refresh_token",
		client_id: PROVIDER.clientId,
	});
	expect(JSON.stringify({ headers, body })).not.toContain("CANARY");
});

test("a form where that is wanted, and a setup token by itself", () => {
	const form = buildRevocation({ ...PROVIDER, body: "form" }, LOGIN);
	expect(form.headers["content-type"]).toBe("application/x-www-form-urlencoded");
	expect(form.body?.reveal()).toContain("token=CANARY%20r%26%3D&token_type_hint=refresh_token");
	const own = buildRevocation(PROVIDER, setupTokenSession(new Secret("CANARY-s"), undefined));
	expect(own.body?.reveal()).toContain('"token":"CANARY-s","token_type_hint":"access_token"');
});

test.each<[status: number, kind: string]>([
	[200, "revoked"],
	[204, "revoked"],
	[400, "impossible"],
	[404, "impossible"],
	[405, "impossible"],
	[401, "failed"],
	[403, "failed"],
	[408, "failed"],
	[429, "failed"],
	[302, "failed"],
	[500, "failed"],
	[503, "failed"],
])("%i is %s", (status, kind) => {
	expect(judgeRevocation({ status })).toMatchObject({ kind });
});
