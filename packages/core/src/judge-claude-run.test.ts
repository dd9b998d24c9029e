import { expect, test } from "vitest";
import { type ClaudeRunLook, judgeClaudeRun } from "./judge-claude-run.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";
import { ASSUMED_LIFETIME } from "./tokens.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
const CLOSE_END = NOW - 30_000;
const fpOf = (token: string) => fingerprint(new Secret(token));

const given = { accessToken: "a1", refreshToken: "r1", expiresAt: CLOSE_END, scopes: ["s"] };
const rotated = { ...given, accessToken: "a2", refreshToken: "r2", expiresAt: NOW + 8 * HOUR };
const file = (entry: unknown) => JSON.stringify({ mcpOAuth: {}, claudeAiOauth: entry });
const refused = (status: number) =>
	`2026-01-01T00:00:00Z [ERROR] OAuth refresh failed (expected): Request failed with status code ${status}`;

function judge(look: Partial<ClaudeRunLook>) {
	const usual = { fp: fpOf("r1"), access: fpOf("a1"), closeEnd: CLOSE_END, started: true };
	return judgeClaudeRun({ ...usual, files: [], log: undefined, ...look }, NOW);
}

/** Tokens in clear, to compare. */
function told(look: Partial<ClaudeRunLook>) {
	const outcome = judge(look);
	if (outcome.kind !== "rotated") return outcome.kind;
	const { accessToken, refreshToken, expiresInMs } = outcome.tokens;
	return [accessToken.reveal(), refreshToken?.reveal(), expiresInMs];
}

test.each<[string, Partial<ClaudeRunLook>, ReturnType<typeof told>]>([
	["another refresh token", { files: [file(rotated)] }, ["a2", "r2", 8 * HOUR]],
	[
		"another refresh token, though the log speaks of a refusal",
		{ files: [file(rotated)], log: refused(429) },
		["a2", "r2", 8 * HOUR],
	],
	[
		"the same refresh token with another access token",
		{ files: [file({ ...rotated, refreshToken: "r1" })] },
		["a2", undefined, 8 * HOUR],
	],
	["what was given", { files: [file(given)] }, "no-reply"],
	["what was given, and it was not started", { files: [file(given)], started: false }, "not-sent"],
	["nothing, and it was not started", { files: [undefined], started: false }, "not-sent"],
	[
		"both tokens blank",
		{ files: [file({ ...given, accessToken: "", refreshToken: "", expiresAt: 0 })] },
		"dead",
	],
	["the refresh token alone blank", { files: [file({ ...given, refreshToken: "" })] }, "no-reply"],
	["no entry", { files: ["{}"] }, "no-reply"],
	["no file", { files: [undefined] }, "no-reply"],
	["half a file", { files: ['{"claudeAiOauth":{"accessToken":"a2","refr'] }, "no-reply"],
	["no object", { files: ["null"] }, "no-reply"],
	["an entry that is a list", { files: [file(["r2"])] }, "no-reply"],
	[
		"a whole file it did not get to rename",
		{ files: [file(given), undefined, file(rotated)] },
		["a2", "r2", 8 * HOUR],
	],
	[
		"two rotations, the second not renamed: the newer one",
		{
			files: [
				file(rotated),
				file({ ...rotated, accessToken: "a3", refreshToken: "r3", expiresAt: NOW + 9 * HOUR }),
			],
		},
		["a3", "r3", 9 * HOUR],
	],
	[
		"one it did not rename that is older",
		{ files: [file(rotated), file({ ...rotated, refreshToken: "r0", expiresAt: NOW + HOUR })] },
		["a2", "r2", 8 * HOUR],
	],
	[
		"fields of other kinds beside the tokens",
		{ files: [file({ ...rotated, expiresAt: "soon", scopes: 3, refreshTokenExpiresAt: {} })] },
		["a2", "r2", ASSUMED_LIFETIME],
	],
	[
		"no later end than what was written for it",
		{ files: [file({ ...rotated, expiresAt: CLOSE_END })] },
		["a2", "r2", ASSUMED_LIFETIME],
	],
	[
		"an end that has come since",
		{ files: [file({ ...rotated, expiresAt: NOW - 1 })] },
		["a2", "r2", 0],
	],
	[
		"a refresh token without an access token: kept, and refreshed first",
		{ files: [file({ ...rotated, accessToken: "" })] },
		["", "r2", 0],
	],
	[
		"another access token, where the first one is not known",
		{ files: [file({ ...rotated, refreshToken: "r1" })], access: undefined },
		"no-reply",
	],
	[
		"a token that no line can carry",
		{ files: [file({ ...rotated, accessToken: "a\n2" })] },
		"no-reply",
	],
	["what was given, and a refusal", { files: [file(given)], log: refused(429) }, "refused"],
	["no file, and a refusal", { files: [undefined], log: refused(429) }, "no-reply"],
])("%s", (_what, look, expected) => {
	expect(told(look)).toEqual(expected);
});

test("what else it wrote of the login is taken over", () => {
	const entry = { ...rotated, refreshTokenExpiresAt: NOW + 30 * 24 * HOUR, scopes: ["a", 1, "b"] };
	expect(judge({ files: [file(entry)] })).toMatchObject({
		tokens: { deadlineInMs: 30 * 24 * HOUR, scopes: ["a", "b"] },
	});
});

test("no outcome shows a token", () => {
	const words = JSON.stringify(judge({ files: [file({ ...rotated, refreshToken: "CANARY" })] }));
	expect(words).not.toContain("CANARY");
});
