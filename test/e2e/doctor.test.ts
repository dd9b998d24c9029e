/** `batond doctor` on a host where much is amiss; it changes and spends nothing. */
import { execFileSync } from "node:child_process";
import {
	chmodSync,
	copyFileSync,
	mkdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANARY_PATTERN } from "../parts/canary.ts";
import { runChild, stopAllChildren } from "../parts/child-process.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { type BatondHost, handOver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

interface Finding {
	about: string;
	gravity: string;
	says: string;
	hint?: string;
}

let provider: OAuthServer;
let host: BatondHost;
let login: ClaudeAiOauth;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 28_800 });
	host = makeBatondHost(provider);
	login = await provider.mintLogin();
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

/** Each use of a refresh token. The doctor's look at the endpoint bears none. */
async function presented() {
	const all = await provider.presentations();
	return all.filter(({ fp }) => fp !== fingerprintOf(""));
}

/** Everything but what this machine brings along: its units, users and containers are not ours. */
async function examine(): Promise<{
	code: number | null;
	findings: Finding[];
	of: (about: string) => Finding[];
}> {
	const { code, stdout } = await host.run("doctor", "--json");
	expect(stdout).not.toMatch(CANARY_PATTERN);
	const { findings } = JSON.parse(stdout) as { findings: Finding[] };
	return { code, findings, of: (about) => findings.filter((one) => one.about === about) };
}

/** Claimed, published, and learnt from: what the service does of itself is over. */
async function held(): Promise<void> {
	await handOver(host, login);
	await until("the sinks have it", async () => {
		const { sinks } = (await host.status()) as { sinks: { state: string }[] };
		return sinks.every(({ state }) => state === "current");
	});
	const still = async () => {
		const before = everything();
		await pause(1_000);
		return everything() === before;
	};
	await until("nothing changes any more", still);
}

/** Names, sizes, modes and contents of all there is. */
function everything(): string {
	return execFileSync(
		"/usr/bin/find",
		[host.scratch.path, "-printf", "%P %m %s %T@\n", "-type", "f", "-exec", "sha256sum", "{}", ";"],
		{ encoding: "utf8" },
	);
}

test("where all is well it says so, and nothing is written or spent", async () => {
	await host.serve();
	await held();
	const [before, sent] = [everything(), await presented()];
	const { of, findings } = await examine();
	for (const about of [
		"service",
		"settings",
		"login",
		"sinks",
		"endpoint",
		"clock",
		"engine",
		"key",
		"precedence",
		"modes",
	]) {
		expect(of(about), about).toMatchObject([{ gravity: "well" }]);
	}
	expect(findings[0]?.about).toBe("service");
	expect(everything()).toBe(before);
	expect(await presented()).toEqual(sent);
	expect(of("engine")[0]?.says).toBe("http: claude refreshes at its own provider only");
	expect(of("key")[0]?.says).toContain(`${host.configFolder}/batond.key, apart from the state`);
	const { stdout } = await host.run("doctor");
	expect(stdout.split("\n")[0]).toMatch(/^well {6}service: it runs, version /);
});

test("it knows by what the service refreshes and why, and whether another claude would do", async () => {
	const claude = (folder: string, version: string) => {
		mkdirSync(host.scratch.at(folder), { recursive: true });
		const path = host.scratch.at(folder, "claude");
		const script = `#!/bin/sh\ntest "$*" = --version && echo '${version} (Claude Code)'\n`;
		writeFileSync(path, script, { mode: 0o755 });
		return path;
	};
	host.scratch.remove();
	host = makeBatondHost(provider, { engine: "claude-cli", claude: "~/old/claude" });
	const old = claude("old", "2.1.1");
	await host.serve();
	await until("claude was looked at", async () =>
		(await host.run("status")).stdout.includes("\nengine "),
	);
	const unfit = (await examine()).of("engine")[0];
	expect(unfit).toMatchObject({
		gravity: "wrong",
		says: `claude-cli cannot refresh: ${old} is 2.1.1, not 2.1.330 or a later 2.x`,
		hint: expect.stringContaining("claude update"),
	});
	const recent = claude(".local/bin", "2.1.330");
	const { code, of } = await examine();
	expect(code).toBe(1);
	expect(of("engine")[0]).toMatchObject({
		says: expect.stringContaining(`there is claude 2.1.330 at ${recent}`),
		hint: `name it in batond.json: "claude": "${recent}"`,
	});
});

test("a key beside its data, a spare one and a lost one are told apart", async () => {
	await host.serve();
	await held();
	const key = join(host.configFolder, "batond.key");
	const spare = readFileSync(key);
	writeFileSync(join(host.configFolder, "batond.key.sealed"), "sealed");
	expect((await examine()).of("key")).toMatchObject([
		{ gravity: "doubtful", hint: expect.stringContaining("batond unit --start") },
	]);
	rmSync(join(host.configFolder, "batond.key.sealed"));
	rmSync(key);
	const lost = await examine();
	expect(lost.code).toBe(1);
	expect(lost.of("key")).toMatchObject([{ says: expect.stringContaining("is missing") }]);
	writeFileSync(key, "short", { mode: 0o600 });
	expect((await examine()).of("key")).toMatchObject([
		{ gravity: "wrong", says: expect.stringContaining("is not a key of 32 bytes") },
	]);
	writeFileSync(key, spare, { mode: 0o600 });
	expect((await examine()).of("key")).toMatchObject([{ gravity: "well" }]);

	const inside = join(host.stateFolder, "batond.json");
	copyFileSync(join(host.configFolder, "batond.json"), inside);
	writeFileSync(join(host.stateFolder, "batond.key"), spare, { mode: 0o600 });
	const options = host.optionsOf(["doctor", "--json"]);
	const usual = join(host.configFolder, "batond.json");
	const [program, ...words] = options.argv;
	const other = words.map((word) => (word === usual ? inside : word));
	const { stdout } = await runChild({ ...options, argv: [program, ...other] });
	expect(stdout).toContain("lies with the state that it opens");
});

test("a copy of ours, an open key, a trap, a job and a down provider are found and named", async () => {
	await host.serve();
	await held();
	const copy = join(host.scratch.path, ".claude-old", ".credentials.json");
	mkdirSync(join(host.scratch.path, ".claude-old"));
	writeFileSync(copy, JSON.stringify({ claudeAiOauth: login }), { mode: 0o600 });
	writeFileSync(host.scratch.at(".bashrc"), "export ANTHROPIC_API_KEY=sk-CANARY-key\n");
	const units = host.scratch.at(".config", "systemd", "user");
	mkdirSync(units, { recursive: true });
	writeFileSync(join(units, "keep.timer"), "[Timer]\nOnCalendar=hourly\n");
	writeFileSync(join(units, "keep.service"), "[Service]\nExecStart=/usr/bin/claude -p hi\n");
	chmodSync(join(host.configFolder, "batond.key"), 0o644);
	await provider.down();
	const { code, of } = await examine();
	expect(code).toBe(1);
	expect(of("copies")).toMatchObject([
		{
			gravity: "wrong",
			says: expect.stringContaining(copy),
			hint: `batond import ${copy} disarms it`,
		},
	]);
	expect(of("precedence")).toMatchObject([
		{
			gravity: "doubtful",
			says: expect.stringMatching(/^ANTHROPIC_API_KEY in .*\.bashrc, line 1,/),
		},
	]);
	expect(of("jobs")).toMatchObject([
		{ says: expect.stringMatching(/keep\.service, line 2, runs claude/) },
	]);
	expect(of("modes")).toMatchObject([
		{ says: expect.stringContaining("open to others: mode 0644") },
	]);
	expect(of("endpoint")).toMatchObject([{ says: expect.stringContaining("cannot be reached") }]);
	// The hint does what it says.
	await provider.up();
	chmodSync(join(host.configFolder, "batond.key"), 0o600);
	await host.run("import", copy, "--yes");
	expect(readFileSync(copy, "utf8")).not.toContain(login.refreshToken);
	expect((await examine()).of("copies")).toMatchObject([{ gravity: "well" }]);
	expect(await presented()).toHaveLength(1);
});

test.each([
	[403, "refuses this machine with 403"],
	[429, "asks to slow down"],
	[503, "is down"],
])("an endpoint that answers %i is told apart", async (status, says) => {
	await provider.inject("token", { kind: "status", status, when: "before" });
	const { of } = await examine();
	expect(of("endpoint")).toMatchObject([{ says: expect.stringContaining(says) }]);
});

test("with the service down it says so first, looks at the rest, and ends with 12", async () => {
	const service = await host.serve();
	await held();
	service.kill("SIGTERM");
	await service.ended();
	const copy = join(host.scratch.path, ".credentials.json.bak");
	writeFileSync(copy, JSON.stringify({ claudeAiOauth: login }));
	const before = statSync(host.stateFolder).mtimeMs;
	const { code, findings, of } = await examine();
	expect(code).toBe(12);
	expect(findings[0]).toMatchObject({ about: "service", gravity: "wrong" });
	expect(of("endpoint")).toMatchObject([{ gravity: "well" }]);
	expect(of("login")).toMatchObject([{ gravity: "unseen" }]);
	expect(of("copies")).toMatchObject([{ gravity: "unseen", says: expect.stringContaining(copy) }]);
	expect(statSync(host.stateFolder).mtimeMs).toBe(before);
	expect((await host.run("doctor")).stdout.split("\n").slice(0, 2)).toEqual([
		"wrong     service: the service is not running",
		"          next: start it: systemctl --user start batond, or batond serve",
	]);
});

test("settings that are not understood hide nothing else of the service", async () => {
	await host.serve();
	writeFileSync(join(host.configFolder, "batond.json"), '{"nmaes": {}}');
	const { code, of } = await examine();
	expect(code).toBe(1);
	expect(of("settings")).toMatchObject([{ gravity: "wrong", hint: "did you mean names?" }]);
	expect(of("service")).toMatchObject([{ gravity: "well" }]);
});

test("test: one request with what lies at each sink, and an honest word where there can be none", async () => {
	host.scratch.remove();
	host = makeBatondHost(provider, {
		names: {
			default: {
				sinks: {
					claude: { type: "claude-code", configDir: "~/claude" },
					env: { type: "env-file", path: "~/claude.env" },
					made: { type: "template", path: "~/made", template: "{{accessToken}}" },
					run: { type: "exec", command: ["/bin/cat"] },
				},
			},
		},
	});
	await host.serve();
	await held();
	const works = await host.run("test");
	expect(works).toMatchObject({
		code: 0,
		stdout: [
			"default: works: the provider takes the token that batond token gives out",
			"default/claude: works: the provider takes the token that lies there",
			"default/env: works: the provider takes the token that lies there",
			"default/made: cannot test: its file has a form of your own",
			"default/run: cannot test: what its command did with the token is not known",
			"",
		].join("\n"),
	});
	writeFileSync(host.scratch.at("claude.env"), "CLAUDE_CODE_OAUTH_TOKEN=sk-CANARY-other\n");
	const fails = await host.run("test", "--json");
	expect(fails.code).toBe(1);
	expect(fails.stdout).not.toContain("CANARY");
	const { tested } = JSON.parse(fails.stdout) as { tested: { what: string; outcome: string }[] };
	expect(tested[2]).toMatchObject({ what: "default/env", outcome: "fails" });
	await provider.inject("profile", { kind: "status", status: 503 }, "until-cleared");
	expect((await host.run("test")).code).toBe(13);
	expect(await presented()).toHaveLength(1);
	expect(await host.run("test", "--warnings")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("warnings: cannot test: no outlet is in the settings"),
	});
});

test("test --claude: the claude of the sink answers a prompt, or does not", async () => {
	const bin = host.scratch.at(".local", "bin");
	mkdirSync(bin, { recursive: true });
	const program = join(bin, "claude");
	const script = (code: number) =>
		writeFileSync(
			program,
			`#!/bin/sh\ntest "$1" = -p && test -n "$CLAUDE_CONFIG_DIR" && exit ${code}\nexit 9\n`,
			{
				mode: 0o755,
			},
		);
	script(0);
	await host.serve();
	await held();
	expect(await host.run("test", "--claude")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining(`default/claude: works: ${program} answers a prompt`),
	});
	script(3);
	expect(await host.run("test", "--claude")).toMatchObject({
		code: 1,
		stdout: expect.stringContaining("did not answer a prompt: it ended with 3"),
	});
});

test("whoever only looks changes nothing: status, check, sinks, doctor, metrics, test, each many times", async () => {
	await host.serve();
	await held();
	const [before, sent] = [everything(), await presented()];
	const looks = [
		["status"],
		["check"],
		["sinks"],
		["doctor"],
		["metrics"],
		["metrics", "--json"],
		["test"],
		["status", "--json"],
	];
	for (const look of [...looks, ...looks]) {
		const { code, stdout } = await host.run(...look);
		expect([0, 1]).toContain(code);
		expect(stdout).not.toMatch(CANARY_PATTERN);
	}
	expect(everything()).toBe(before);
	expect(await presented()).toEqual(sent);
});
