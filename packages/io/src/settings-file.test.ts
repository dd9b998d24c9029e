import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readSettings, suggestKey } from "./settings-file.ts";

describe("readSettings", () => {
	let folder: string;
	let path: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "baton-"));
		path = join(folder, "config.json");
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it("reads what is there, and undefined for nothing", async () => {
		expect(await readSettings(path)).toBeUndefined();
		writeFileSync(path, '\ufeff{"hosts": {"vps": {}}}');
		expect(await readSettings(path)).toEqual({ hosts: { vps: {} } });
	});

	it("shows where it is no JSON, and not what stands there", async () => {
		writeFileSync(path, '{\n  "token": "topsecret",\n  topsecret\n}');
		const failure = await readSettings(path).catch((error: unknown) => error);
		expect(failure).toMatchObject({
			code: "bad-settings",
			message: `${path}:3:3 is not JSON from here on`,
		});
		expect(failure).not.toHaveProperty("cause");
		expect(String(failure)).not.toContain("topsecret");
	});

	it("refuses what is no text, no file or too large", async () => {
		writeFileSync(path, Buffer.from([0x7b, 0xff]));
		await expect(readSettings(path)).rejects.toMatchObject({ code: "bad-settings" });
		writeFileSync(path, " ".repeat(300_000));
		await expect(readSettings(path)).rejects.toMatchObject({ code: "unsafe-path" });
		mkdirSync(join(folder, "d"));
		await expect(readSettings(join(folder, "d"))).rejects.toMatchObject({ code: "unsafe-path" });
	});
});

describe("suggestKey", () => {
	const known = ["hosts", "followLogin", "before", "sinks", "engine"];
	it.each([
		["host", "hosts"],
		["follow_login", "followLogin"],
		["followlogin", "followLogin"],
		["folowLogni", "followLogin"],
		["befroe", "before"],
		["sink", "sinks"],
		["Engine", "engine"],
		["x", undefined],
		["colour", undefined],
		["", undefined],
	])("for %j says %j", (key, suggestion) => {
		expect(suggestKey(key, known)).toBe(suggestion);
	});
});
