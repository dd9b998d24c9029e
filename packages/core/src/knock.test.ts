import { expect, test } from "vitest";
import { buildKnock, judgeKnock } from "./knock.ts";
import { CLAUDE_PROVIDER } from "./oauth.ts";

const answer = { retryAfter: undefined, date: undefined, body: undefined };
const knock = (status: number, retryAfter?: string) =>
	judgeKnock({ ...answer, status, retryAfter }, 0);

test("a knock asks for a refresh without a token, under our own name", () => {
	const { method, url, headers, body } = buildKnock({ ...CLAUDE_PROVIDER, userAgent: "baton/1" });
	expect([method, url, headers["user-agent"]]).toEqual([
		"POST",
		CLAUDE_PROVIDER.tokenUrl,
		"baton/1",
	]);
	expect(JSON.parse(body?.reveal() ?? "")).toEqual({
		grant_type: "refresh_token",
		client_id: CLAUDE_PROVIDER.clientId,
	});
});

test.each([200, 302, 400, 401, 403, 404, 405, 429])("%i says nothing of the endpoint", (status) => {
	expect(knock(status, "60")).toBeUndefined();
});

test.each([500, 502, 503, 504, 529])("with %i a refresh would come to nothing", (status) => {
	expect(knock(status)).toEqual({ kind: "refused", why: "server", retryAfterMs: undefined });
});

test("when to come again is heeded", () => {
	expect(knock(503, "60")).toMatchObject({ retryAfterMs: 60_000 });
});
