import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MINUTE, SECOND } from "@baton/core/duration";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSettings } from "./load-settings.ts";
import { pcRules } from "./settings.ts";
import { scratchFolder } from "./testing.ts";

const SURROUNDINGS = { env: {}, home: "/home/me", hostname: "My Laptop.lan" };
const HOST = {
	address: "vps.example",
	user: "me",
	hostKey: `SHA256:${"a".repeat(43)}`,
	identity: "~/.ssh/baton",
};

let folder: Awaited<ReturnType<typeof scratchFolder>>;
beforeAll(async () => {
	folder = await scratchFolder();
});
afterAll(() => folder.remove());

async function load(settings: unknown, env = {}) {
	const file = join(folder.path, "config.json");
	await writeFile(file, typeof settings === "string" ? settings : JSON.stringify(settings));
	return await loadSettings(file, { ...SURROUNDINGS, env });
}

describe("defaults", () => {
	test("stand in for a missing file", async () => {
		const settings = await loadSettings(join(folder.path, "none.json"), SURROUNDINGS);
		expect(settings).toMatchObject({
			device: "My-Laptop",
			claudeDir: "/home/me/.claude",
			hosts: {},
			statusEvery: 15 * MINUTE,
			reconcileEvery: MINUTE,
		});
	});

	test("stand in for what a host leaves out", async () => {
		const { hosts } = await load({ hosts: { myvps: HOST } });
		expect(hosts.myvps).toMatchObject({
			port: 22,
			hostKeyType: "ssh-ed25519",
			name: "default",
			login: "dedicated",
			followLogin: "when-needed",
			identity: "/home/me/.ssh/baton",
		});
	});

	test("claude's folder is where claude's own variable says", async () => {
		expect(await load({}, { CLAUDE_CONFIG_DIR: "/elsewhere/" })).toMatchObject({
			claudeDir: "/elsewhere",
		});
	});
});

test("durations are read, and the rules of the machine made of them", async () => {
	const settings = await load({
		statusEvery: "5m",
		reconcileEvery: "10s",
		link: { request: "5s" },
		hosts: { myvps: { ...HOST, login: "follow-login", followLogin: "when-asked" } },
	});
	expect(settings).toMatchObject({ reconcileEvery: 10 * SECOND, link: { request: 5 * SECOND } });
	expect(pcRules(settings)).toEqual({
		hosts: { myvps: { name: "default", mode: "follow-login", followLogin: "when-asked" } },
		timing: { statusEvery: 5 * MINUTE },
	});
});

test.each<[string, unknown, string, string]>([
	["an unknown key", { claudeDri: "/x" }, "no setting claudeDri", "did you mean claudeDir?"],
	["an unknown key nothing is like", { zzzz: 1 }, "no setting zzzz", "remove it"],
	[
		"an unknown key of a host",
		{ hosts: { a: { ...HOST, prot: 1 } } },
		"hosts.a.prot",
		"did you mean port?",
	],
	[
		"an unknown key for one that is required",
		{ hosts: { a: { ...HOST, address: undefined, adress: "vps.example" } } },
		"no setting hosts.a.adress",
		"did you mean address?",
	],
	[
		"a missing field",
		{ hosts: { a: { ...HOST, user: undefined } } },
		"hosts.a.user must be",
		"it is missing: add it",
	],
	[
		"a wrong port",
		{ hosts: { a: { ...HOST, port: 0 } } },
		"hosts.a.port must be 1 or more",
		"correct it",
	],
	["a wrong type", { statusEvery: 5 }, "statusEvery must be a time", "correct it"],
	["a time too short", { statusEvery: "1ms" }, "statusEvery must be 1s or more", "correct it"],
	[
		"a fingerprint of another kind",
		{ hosts: { a: { ...HOST, hostKey: "MD5:1:2" } } },
		"hosts.a.hostKey",
		"correct it",
	],
	[
		"a host's name that is a path",
		{ hosts: { "../a": HOST } },
		"hosts.../a must be letters",
		"correct it",
	],
	[
		"an address that is an option",
		{ hosts: { a: { ...HOST, address: "-oProxy" } } },
		"hosts.a.address",
		"correct it",
	],
	["a list", [], "the file must be an object", "correct it"],
	["no JSON", '{"hosts": {', "config.json:1:12", "look for a missing"],
])("%s is refused", async (_what, settings, message, hint) => {
	const error: unknown = await load(settings).catch((caught: unknown) => caught);
	expect(error).toMatchObject({ code: "bad-settings", exitCode: 2 });
	expect((error as Error).message).toContain(message);
	expect(error).toHaveProperty("hint", expect.stringContaining(hint));
});
