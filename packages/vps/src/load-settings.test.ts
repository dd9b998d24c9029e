import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSettings } from "./load-settings.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-settings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function load(settings: unknown) {
	const path = join(folder, "batond.json");
	writeFileSync(path, JSON.stringify(settings));
	return await loadSettings(path);
}

test("without a file every default holds", async () => {
	const settings = await loadSettings(join(folder, "batond.json"));
	expect(settings.provider.tokenUrl).toMatch(/^https:/);
	expect(settings.timing.deadConfirm).toBe(60_000);
	expect(settings.names).toEqual({ default: { sinks: {} } });
});

test("durations are read as milliseconds, and what is left out keeps its default", async () => {
	const { timing, refresh } = await load({
		timing: { deadConfirm: "250ms" },
		refresh: { before: "2h" },
	});
	expect(timing).toMatchObject({ deadConfirm: 250, requestLimit: 120_000 });
	expect(refresh).toEqual({ before: 7_200_000 });
});

test("a provider on this very machine may do without https", async () => {
	const { provider } = await load({ provider: { tokenUrl: "http://127.0.0.1:9/token" } });
	expect(provider.tokenUrl).toBe("http://127.0.0.1:9/token");
});

test.each<[string, unknown, RegExp, RegExp]>([
	["an unknown key", { engin: "http" }, /unknown key engin$/, /did you mean engine/],
	[
		"an unknown key within",
		{ names: { default: { sinks: { a: { type: "exec", command: ["x"], timout: "1s" } } } } },
		/unknown key names\.default\.sinks\.a\.timout/,
		/did you mean timeout/,
	],
	[
		"an unknown key for one that is required",
		{ names: { default: { sinks: { a: { type: "claude-code", confgDir: "/x" } } } } },
		/unknown key names\.default\.sinks\.a\.confgDir/,
		/did you mean configDir/,
	],
	["a far key", { timing: { zzz: "1s" } }, /unknown key timing\.zzz/, /known there: requestLimit/],
	["a number", { timing: { deadConfirm: 5 } }, /deadConfirm is wrong: it should be a string/, /./],
	["a wrong unit", { timing: { deadConfirm: "5y" } }, /deadConfirm is wrong: not a duration/, /./],
	["plain http", { provider: { tokenUrl: "http://a.example/" } }, /not an https address/, /./],
	["a password", { provider: { tokenUrl: "https://a:b@c.example/" } }, /not an https address/, /./],
	["another engine", { engine: "magic" }, /engine is wrong: it should be one of http/, /./],
	["a wrong sink", { names: { a: { sinks: { b: { type: "ftp" } } } } }, /claude-code, exec/, /./],
	["a wrong name", { names: { A: {} } }, /small letters/, /./],
	["no limit", { timing: { requestLimit: "0s" } }, /less than a second/, /./],
	["a list", [], /the whole is wrong: it should be an object/, /./],
])("%s is refused and named", async (_what, settings, message, hint) => {
	await expect(load(settings)).rejects.toMatchObject({
		code: "bad-settings",
		message: expect.stringMatching(message),
		hint: expect.stringMatching(hint),
	});
});
