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

const ENV = { type: "env-file", path: "/a/.env" };
const TEMPLATE = { type: "template", path: "/a/file", template: "{{accessToken}}" };
const proxied = (proxy: string) => ({ provider: { proxy } });
const sink = (settings: unknown) => ({ names: { default: { sinks: { s: settings } } } });

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

test.each(["http://a:3128", "https://a", "a:3128", "none"])("%s is a proxy", async (proxy) => {
	expect((await load(proxied(proxy))).provider.proxy).toBe(proxy);
});

test("sinks that keep a file have their defaults", async () => {
	const { names } = await load({
		names: { default: { sinks: { env: ENV, two: { ...ENV, variable: "B" }, t: TEMPLATE } } },
	});
	const kept = { mode: 0o600, overwrite: false };
	expect(names.default?.sinks).toEqual({
		env: { ...ENV, ...kept, variable: "CLAUDE_CODE_OAUTH_TOKEN" },
		two: { ...ENV, ...kept, variable: "B" },
		t: { ...TEMPLATE, ...kept },
	});
});

test.each(["0640", "640", "0400", "0444"])("%s is a mode", async (mode) => {
	const { names } = await load(sink({ ...ENV, mode }));
	expect(names.default?.sinks.s).toMatchObject({ mode: Number.parseInt(mode, 8) });
});

test("a template file is read and checked with the settings", async () => {
	const templateFile = join(folder, "token.tmpl");
	const settings = sink({ type: "template", path: "/a", templateFile });
	writeFileSync(templateFile, "\ufeff\u00e4 {{accessToken}}\r\n");
	const { names } = await load(settings);
	expect(names.default?.sinks.s).toMatchObject({ template: "\ufeff\u00e4 {{accessToken}}\r\n" });
	for (const [content, why] of [
		["{{nothing}}", /token\.tmpl: the template has a placeholder that there is not/],
		[Buffer.from([0xff]), /not UTF-8/],
		["x".repeat(65 * 1024), /longer than/],
	] as const) {
		writeFileSync(templateFile, content);
		await expect(load(settings)).rejects.toMatchObject({
			code: "bad-settings",
			message: expect.stringMatching(why),
		});
	}
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
	["a proxy of another kind", proxied("socks5://a:1"), /proxy is wrong: not the address of/, /./],
	["a proxy with a path", proxied("http://a:1/b"), /proxy is wrong: not the address of/, /./],
	[
		"a proxy with a password",
		proxied("http://a:b@c:1"),
		/proxy is wrong: a password does not belong into the settings/,
		/./,
	],
	["an authority from nowhere", { provider: { ca: "ca.pem" } }, /ca is wrong: not an abs/, /./],
	[
		"another engine",
		{ engine: "magic" },
		/engine is wrong: it should be one of auto, claude-cli, http/,
		/./,
	],
	["a wrong sink", { names: { a: { sinks: { b: { type: "ftp" } } } } }, /claude-code, exec/, /./],
	["a wrong name", { names: { A: {} } }, /small letters/, /./],
	[
		"a sink that looks without rest",
		{ timing: { lookAtSinks: "50ms" } },
		/lookAtSinks is wrong: less than 100 ms/,
		/./,
	],
	[
		"a sink without a path",
		sink({ type: "env-file" }),
		/path is wrong: it should be a string/,
		/./,
	],
	["a path from nowhere", sink({ ...ENV, path: "a/.env" }), /not an absolute path/, /./],
	["a folder for a file", sink({ ...ENV, path: "/a/" }), /path is wrong: not a file/, /./],
	[
		"a mode for all to write",
		sink({ ...ENV, mode: "0666" }),
		/mode is wrong: not a mode such/,
		/./,
	],
	["a mode as a number", sink({ ...ENV, mode: 600 }), /mode is wrong: it should be a string/, /./],
	["a wrong variable", sink({ ...ENV, variable: "A B" }), /not a variable's name/, /./],
	[
		"a placeholder that there is not",
		sink({ ...TEMPLATE, template: "{{refreshToken}}" }),
		/s\.template is wrong: the template has a placeholder that there is not: \{\{refreshToken\}\}/,
		/./,
	],
	["no template", sink({ type: "template", path: "/a" }), /either template or templateFile/, /./],
	["two templates", sink({ ...TEMPLATE, templateFile: "/b" }), /either template or templ/, /./],
	[
		"a template file that is not there",
		sink({ type: "template", path: "/a", templateFile: "/no/such/file" }),
		/no template file \/no\/such\/file/,
		/correct templateFile/,
	],
	[
		"one file for two sinks",
		{
			names: { a: { sinks: { x: ENV } }, b: { sinks: { y: { ...TEMPLATE, path: "/a/.//.env" } } } },
		},
		/names\.a\.sinks\.x and names\.b\.sinks\.y both write \/a\/\.env/,
		/of its own/,
	],
	[
		"one variable for two sinks",
		{ names: { a: { sinks: { x: ENV, y: ENV } } } },
		/a\.sinks\.x and names\.a\.sinks\.y both write/,
		/variable/,
	],
	[
		"one claude for two sinks",
		{
			names: {
				a: {
					sinks: {
						x: { type: "claude-code", configDir: "/c" },
						y: { ...TEMPLATE, path: "/c/.credentials.json" },
					},
				},
			},
		},
		/both write \/c\/\.credentials\.json/,
		/./,
	],
	["no limit", { timing: { requestLimit: "0s" } }, /less than a second/, /./],
	["a list", [], /the whole is wrong: it should be an object/, /./],
])("%s is refused and named", async (_what, settings, message, hint) => {
	await expect(load(settings)).rejects.toMatchObject({
		code: "bad-settings",
		message: expect.stringMatching(message),
		hint: expect.stringMatching(hint),
	});
});
