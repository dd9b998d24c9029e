/** Sinks of the built service, and what people do to them by hand. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stopAllChildren } from "../parts/child-process.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { type BatondHost, connectDevice, deliver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

let provider: OAuthServer;
let host: BatondHost;
let served: string;

const NAME = "CLAUDE_CODE_OAUTH_TOKEN";
const envFile = () => host.scratch.at("claude.env");
const made = () => host.scratch.at("made.json");
const credentials = () => join(host.claudeFolder, ".credentials.json");

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	host = makeBatondHost(provider, {
		timing: { requestLimit: "2s", deadConfirm: "500ms", lookAtSinks: "200ms" },
		names: {
			default: {
				sinks: {
					claude: { type: "claude-code", configDir: "~/claude" },
					env: { type: "env-file", path: "~/claude.env" },
					made: {
						type: "template",
						path: "~/made.json",
						template: '{"token":{{accessToken|json}},"generation":{{generation}}}',
					},
				},
			},
		},
	});
	writeFileSync(envFile(), "A=1\n");
	await host.serve();
	const device = await connectDevice(host);
	await deliver(device, await provider.mintLogin());
	await until("all sinks have the token", sinkStates, (states) =>
		Object.values(states).every((state) => state === "current"),
	);
	served = (await host.run("token")).stdout.trim();
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

async function sinkStates(): Promise<Record<string, string>> {
	const { sinks } = (await host.status()) as { sinks: { name: string; state: string }[] };
	return Object.fromEntries(sinks.map(({ name, state }) => [name, state]));
}

const claudeIs = (state: string) =>
	until(`claude's sink is ${state}`, sinkStates, ({ claude }) => claude === state);
const says = async () => (await host.run("status")).stdout;
const audit = () =>
	readFileSync(join(host.stateFolder, "audit.jsonl"), "utf8")
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line) as { what: string; sink?: string; reason?: string })
		.filter(({ sink }) => sink !== undefined)
		.map(({ what, sink, reason }) => [what, sink, reason].filter(Boolean).join(" "));

/** A login as claude would write it on the VPS itself. */
function loginByHand(): string {
	const content = JSON.stringify({
		claudeAiOauth: {
			accessToken: "sk-ant-oat01-CANARY-by-hand",
			refreshToken: "sk-ant-ort01-CANARY-by-hand",
			expiresAt: Date.now() + 3_600_000,
			scopes: ["user:inference"],
		},
	});
	const beside = `${credentials()}.tmp.0a1b2c3d`;
	writeFileSync(beside, content, { mode: 0o600 });
	renameSync(beside, credentials());
	return content;
}

test("every kind of file has the token, and what else was there", () => {
	expect(host.sinkFile()).toMatchObject({ accessToken: served, refreshToken: "" });
	expect(readFileSync(envFile(), "utf8")).toBe(`A=1\n${NAME}=${served}\n`);
	expect(JSON.parse(readFileSync(made(), "utf8"))).toEqual({ token: served, generation: 1 });
});

describe("with no refresh in between", () => {
	test("a login by hand is said, left alone, and served again after its logout", async () => {
		const theirs = loginByHand();
		await claudeIs("foreign");
		expect(await says()).toContain("somebody logged in there by hand; that login is left alone");
		expect(await says()).toContain("next: batond adopt claude takes it over");
		expect(readFileSync(credentials(), "utf8")).toBe(theirs);
		rmSync(credentials());
		await claudeIs("current");
		expect(host.sinkFile()).toMatchObject({ accessToken: served, refreshToken: "" });
		expect(audit()).toEqual(["sink-paused claude foreign", "sink-resumed claude"]);
	});

	test("a logout by hand is said, and ends with {} in place of the file", async () => {
		rmSync(credentials());
		await claudeIs("logged-out");
		expect(await says()).toContain("somebody logged out there by hand; left alone");
		expect(await says()).toContain("put {} into its .credentials.json");
		expect(existsSync(credentials())).toBe(false);
		writeFileSync(credentials(), "{}", { mode: 0o600 });
		await claudeIs("current");
		expect(host.sinkFile()).toMatchObject({ accessToken: served });
		expect(audit()).toEqual(["sink-paused claude logged-out", "sink-resumed claude"]);
	});

	test("a logout is remembered over a restart, a login's end too", async () => {
		rmSync(credentials());
		await claudeIs("logged-out");
		await stopAllChildren();
		await host.serve();
		await claudeIs("logged-out");
		loginByHand();
		await claudeIs("foreign");
		await stopAllChildren();
		rmSync(credentials());
		await host.serve();
		await claudeIs("current");
	});

	test("what something else put into a file gives way to the token", async () => {
		writeFileSync(envFile(), `A=2\n${NAME}=stale\n`);
		rmSync(made());
		await until(
			"both hold it again",
			() =>
				existsSync(made()) &&
				readFileSync(made(), "utf8").includes(served) &&
				readFileSync(envFile(), "utf8") === `A=2\n${NAME}=${served}\n`,
		);
		expect(audit().sort()).toEqual(["sink-changed env", "sink-changed made"]);
	});

	test("a file that can no longer be written is named, while the others are well", async () => {
		rmSync(envFile());
		mkdirSync(envFile());
		await until("it is named", says, (text) =>
			/sink env: cannot be written; .*plain file/.test(text),
		);
		expect(await sinkStates()).toEqual({ claude: "current", env: "failing", made: "current" });
		rmSync(envFile(), { recursive: true });
		await until("it is written", sinkStates, ({ env }) => env === "current");
		expect(readFileSync(envFile(), "utf8")).toBe(`${NAME}=${served}\n`);
	});
});
