import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "./canary.ts";
import { startChild, stopAllChildren } from "./child-process.ts";
import { startOAuthServer } from "./oauth-server.ts";
import { makeScratch, removeAllScratch } from "./scratch.ts";
import { fingerprintOf } from "./token-ledger.ts";

afterEach(stopAllChildren);
afterAll(removeAllScratch);

const token = "sk-ant-ort01-CANARYabcdefghijklmnopqrstuvwxyz0123456789-_A";
const fp = fingerprintOf(token).slice(0, 16);

test("clean texts are clean", () => {
	const texts = { log: `custodian holds ${fp}`, status: "{}" };
	expect(findLeaks({ tokens: [token], pattern: CANARY_PATTERN, texts })).toEqual([]);
});

test("a token in a text is named by its fingerprint and not shown", () => {
	const leaks = findLeaks({ pattern: CANARY_PATTERN, texts: { log: `x "${token}" y ${token}` } });
	expect(leaks).toEqual([{ where: "log", fp }]);
	expect(JSON.stringify(leaks)).not.toContain("CANARY");
});

test.each([
	["cut short", token.slice(0, 24)],
	["in capital flags", `Bearer ${token}`],
])("the pattern finds a token %s", (_how, text) => {
	expect(findLeaks({ pattern: CANARY_PATTERN, texts: { text } })).toHaveLength(1);
});

test.each([
	["whole", token],
	["without its front", token.slice(20)],
	["as base64", Buffer.from(token).toString("base64")],
	["inside base64, one on", Buffer.from(`x${token}y`).toString("base64")],
	["inside base64, two on", Buffer.from(`{"${token}"}`).toString("base64")],
])("a known token is found %s", (_how, text) => {
	expect(findLeaks({ tokens: [token], texts: { text } })).toEqual([{ where: "text", fp }]);
});

test("folders are searched to the bottom, but for the allowed places", () => {
	const scratch = makeScratch();
	mkdirSync(scratch.at("a/b"), { recursive: true });
	mkdirSync(scratch.at("store"));
	writeFileSync(scratch.at("a/b/log"), Buffer.from([0xff, 0, ...Buffer.from(token), 0xfe]));
	writeFileSync(scratch.at("store/credentials"), token);
	writeFileSync(scratch.at("store-copy"), token);
	writeFileSync(scratch.at(`named-${token}`), "");
	symlinkSync(token, scratch.at("link"));
	const allowed = [scratch.at("store")];
	const leaks = findLeaks({ pattern: CANARY_PATTERN, paths: [scratch.path], allowed });
	expect(leaks.map(({ where }) => where.slice(scratch.path.length + 1)).sort()).toEqual(
		["a/b/log", "link", `named-${token}`, "store-copy"].sort(),
	);
});

test("arguments and environment of processes are searched", async () => {
	const program = "console.log('up'); setInterval(() => {}, 1000)";
	const argv = [process.execPath, "-e", program] as const;
	const clean = await startChild({ argv: [...argv] });
	const byArgument = await startChild({ argv: [...argv, "--", token] });
	const byEnvironment = await startChild({ argv: [...argv], env: { TOKEN: token } });
	const children = [clean, byArgument, byEnvironment];
	for (const child of children) await child.line(/up/);
	const pids = children.map(({ pid }) => pid);
	expect(findLeaks({ tokens: [token], pids })).toEqual([
		{ where: `/proc/${byArgument.pid}/cmdline`, fp },
		{ where: `/proc/${byEnvironment.pid}/environ`, fp },
	]);
});

test("what cannot be read is an error, not clean", () => {
	expect(() => findLeaks({ tokens: [token], paths: ["/nowhere/at/all"] })).toThrow(/ENOENT/);
	expect(() => findLeaks({ tokens: [token], pids: [2 ** 30] })).toThrow(/has ended/);
	expect(() => findLeaks({ tokens: ["short"] })).toThrow(/chance/);
});

test("the tokens of the OAuth server match the pattern whole", async () => {
	const server = await startOAuthServer({ accessTokenSeconds: 60 });
	const { accessToken, refreshToken } = await server.mintLogin();
	await server.close();
	for (const text of [accessToken, refreshToken]) {
		expect(findLeaks({ pattern: CANARY_PATTERN, texts: { text } })).toEqual([
			{ where: "text", fp: fingerprintOf(text).slice(0, 16) },
		]);
	}
});
