/** `batond revoke`: a login is ended for good, whatever gets in the way. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stopAllChildren } from "../parts/child-process.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import {
	type BatondHost,
	connectDevice,
	deliver,
	handOver,
	makeBatondHost,
	untilAnswered,
} from "./batond-host.ts";
import { until } from "./stories/until.ts";

const ACCOUNT = {
	uuid: "00000000-0000-4000-8000-00000000a11c",
	email: "alice@example.invalid",
	organizationUuid: "00000000-0000-4000-8000-0000000000a1",
};

let provider: OAuthServer;
let host: BatondHost;
let login: ClaudeAiOauth;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 28_800 });
	host = makeBatondHost(provider, {
		names: {
			default: {
				sinks: {
					claude: { type: "claude-code", configDir: "~/claude" },
					env: { type: "env-file", path: "~/claude.env" },
					made: { type: "template", path: "~/made.json", template: '{"t":{{accessToken|json}}}' },
					run: { type: "exec", command: ["/bin/cat"] },
				},
			},
		},
	});
	writeFileSync(envFile(), "A=1\n");
	login = await provider.mintLogin({ account: ACCOUNT });
});
afterEach(async () => {
	await stopAllChildren();
	expect(await provider.spentTwice()).toEqual([]);
	await provider.close();
	host.scratch.remove();
});

const envFile = () => host.scratch.at("claude.env");
const made = () => host.scratch.at("made.json");
const credentials = () => join(host.claudeFolder, ".credentials.json");
const read = (file: string) => readFileSync(file, "utf8");
const sent = async () => (await provider.presentations()).length;
const audit = () =>
	read(join(host.stateFolder, "audit.jsonl"))
		.trim()
		.split("\n")
		.map((line) => (JSON.parse(line) as { what: string }).what);

async function held(): Promise<string> {
	await handOver(host, login);
	await until("all sinks have it", async () => {
		const { sinks } = (await host.status()) as { sinks: { state: string }[] };
		return sinks.every(({ state }) => state === "current");
	});
	return host.sinkFile().accessToken;
}

test("refreshed no more, logged out, cleared from every sink that is ours; the audit stays", async () => {
	await host.serve();
	const token = await held();
	writeFileSync(credentials(), JSON.stringify({ ...JSON.parse(read(credentials())), mcpOAuth: 1 }));
	expect(await provider.liveAccess(token)).toBeDefined();
	const { code, stdout, stderr } = await host.run("revoke", "--yes");
	expect({ code, stdout, stderr }).toEqual({
		code: 0,
		stdout: [
			"default: logged out at the provider, and forgotten here",
			"  sink claude: holds nothing of ours any more",
			"  sink env: holds nothing of ours any more",
			"  sink made: holds nothing of ours any more",
			"  sink run: was given its access token by a command, which nothing takes back",
			"",
		].join("\n"),
		stderr: "",
	});
	expect(await provider.liveAccess(token)).toBeUndefined();
	expect(JSON.parse(read(credentials()))).toEqual({ mcpOAuth: 1 });
	expect(read(envFile())).toBe("A=1\nCLAUDE_CODE_OAUTH_TOKEN=\n");
	expect(existsSync(made())).toBe(false);
	expect((await host.run("token")).code).toBe(10);
	expect((await host.run("status")).stdout).toContain("needs a new login: logged out");
	expect(await host.run("refresh", "--force", "--yes")).toMatchObject({ code: 10 });
	expect(audit()).toEqual(
		expect.arrayContaining(["claimed", "revoking", "revoked", "sink-cleared"]),
	);
	expect(await sent()).toBe(1);

	// Run again it finds all done; a PC hears that its copy is known; and the next login is welcome.
	expect(await host.run("revoke", "--yes")).toMatchObject({ code: 0 });
	const device = await connectDevice(host);
	expect(
		await device.ask({ type: "custody", fp: fingerprintOf(login.refreshToken) }),
	).toMatchObject({ type: "claimed" });
	expect((await device.ask({ type: "status" })).need).toBeUndefined();
	login = await provider.mintLogin({ account: ACCOUNT });
	const fresh = await held();
	expect(read(envFile())).toBe(`A=1\nCLAUDE_CODE_OAUTH_TOKEN=${fresh}\n`);
});

test("a login that waits for its claim is its PC's: not revoked, said, and in force afterwards", async () => {
	await host.serve();
	const token = await held();
	await provider.inject("profile", { kind: "status", status: 503 }, "until-cleared");
	const device = await connectDevice(host);
	const next = await provider.mintLogin({ account: ACCOUNT });
	const ask = (request: object) => device.ask({ ...request, replace: true });
	await deliver({ ...device, ask }, next);
	expect(await host.run("revoke", "--yes")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining(
			"\n  the new login from laptop was not revoked: it takes this one's place\n",
		),
	});
	expect(await provider.liveAccess(token)).toBeUndefined();
	expect(await provider.liveAccess(next.accessToken)).toBeDefined();
	await provider.clearFaults("profile");
	const asked = { type: "custody", fp: fingerprintOf(next.refreshToken) };
	await untilAnswered(device, asked, "claimed");
	expect((await host.status()).state).toBe("held");
});

test("the provider is out of reach: never refreshed again, and logged out by a later run", async () => {
	await host.serve();
	const token = await held();
	await provider.inject("revoke", { kind: "status", status: 503, when: "before" }, "until-cleared");
	const first = await host.run("revoke", "--yes");
	expect(first).toMatchObject({
		code: 13,
		stdout: expect.stringContaining(
			"default: refreshed no more; not logged out at the provider yet",
		),
		stderr: expect.stringContaining("next: leave the service running, or run this again"),
	});
	expect(read(envFile())).toBe("A=1\nCLAUDE_CODE_OAUTH_TOKEN=\n");
	expect(await provider.liveAccess(token)).toBeDefined();
	expect((await host.run("check", "--fix")).code).toBe(10);
	await provider.clearFaults("revoke");
	expect(await host.run("revoke", "--yes", "--json")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining('"loggedOut":true'),
	});
	expect(await provider.liveAccess(token)).toBeUndefined();
	expect(await sent()).toBe(1);
});

test("killed in the middle: the service goes on by itself, and clears what it had not", async () => {
	const service = await host.serve();
	const token = await held();
	await provider.inject("revoke", { kind: "hold" });
	const asked = await host.start("revoke", "--yes");
	await provider.untilHeld();
	await until("the sinks are cleared", () => !existsSync(made()));
	service.kill("SIGKILL");
	await service.ended();
	await asked.ended();
	await provider.release();
	// As if the kill had come before the clearing.
	writeFileSync(made(), `{"t":"${token}"}`);
	await host.serve();
	await until("it is logged out", async () => (await host.status()).state === "needs-login");
	expect(await provider.liveAccess(token)).toBeUndefined();
	expect(await host.run("revoke", "--yes")).toMatchObject({ code: 0 });
	expect(await sent()).toBe(1);
});

test("a provider that knows no such request: forgotten here all the same, and said", async () => {
	await host.serve();
	const token = await held();
	await provider.inject("revoke", { kind: "status", status: 404, when: "before" }, "until-cleared");
	expect(await host.run("revoke", "--yes")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("did not log it out: the provider answered 404\n"),
		stderr: expect.stringContaining("next: end that session on the account's page"),
	});
	expect(await provider.liveAccess(token)).toBeDefined();
	expect((await host.run("token")).code).toBe(10);
	expect((await host.run("status")).stdout).toContain("the provider did not log it out");
});

test("somebody's own login at a sink stays, and so does what was never written by us", async () => {
	await host.serve();
	await held();
	const own = await provider.mintLogin({ account: ACCOUNT });
	mkdirSync(host.claudeFolder, { recursive: true });
	const theirs = JSON.stringify({ claudeAiOauth: own });
	writeFileSync(credentials(), theirs);
	const { stdout } = await host.run("revoke", "--yes");
	expect(stdout).toContain("sink claude: somebody's own login lies there; it is left alone");
	expect(read(credentials())).toBe(theirs);
	expect(await provider.liveAccess(own.accessToken)).toBeDefined();
});

test("it asks first, and needs a login and a service", async () => {
	expect((await host.run("revoke", "--yes")).code).toBe(12);
	await host.serve();
	expect(await host.run("revoke", "--yes")).toMatchObject({
		code: 11,
		stderr: expect.stringContaining("holds no login that could be revoked"),
	});
	const token = await held();
	expect(await host.run("revoke")).toMatchObject({
		code: 2,
		stderr: expect.stringContaining("there is no terminal to ask on"),
	});
	expect(await host.run("revoke", "--yes", "--name", "other")).toMatchObject({ code: 2 });
	expect(await provider.liveAccess(token)).toBeDefined();
});

test("refresh: declined too early, forced once after a question, told when the provider is away", async () => {
	await host.serve();
	const token = await held();
	expect(await host.run("refresh")).toMatchObject({
		code: 11,
		stdout: expect.stringContaining("default: not refreshed: refreshed too short a while ago"),
		stderr: "next: if it has to be now: batond refresh --force\n",
	});
	expect(await host.run("refresh", "--force")).toMatchObject({ code: 2 });
	expect(await sent()).toBe(1);
	const forced = await host.run("refresh", "--force", "--yes", "--json");
	expect(forced.code).toBe(0);
	expect(JSON.parse(forced.stdout)).toMatchObject({ ok: true, name: "default", refreshed: true });
	expect(await sent()).toBe(2);
	expect(host.sinkFile().accessToken).not.toBe(token);
	await provider.down();
	expect(await host.run("refresh", "--force", "--yes")).toMatchObject({
		code: 13,
		stdout: expect.stringContaining("a refresh was asked for and failed"),
	});
});

test("sinks: what each is, what it holds, and why it lags", async () => {
	await host.serve();
	await held();
	const { stdout } = await host.run("sinks", "--json");
	const { sinks } = JSON.parse(stdout) as { sinks: Record<string, unknown>[] };
	expect(sinks).toMatchObject([
		{ sink: "claude", type: "claude-code", place: credentials(), state: "current", generation: 1 },
		{ sink: "env", type: "env-file", place: envFile(), lagMs: 0 },
		{ sink: "made", type: "template", place: made() },
		{ sink: "run", type: "exec", place: "/bin/cat" },
	]);
	expect(sinks[0]?.until).toBe((await host.status()).accessUntil);
	writeFileSync(
		credentials(),
		JSON.stringify({ claudeAiOauth: { ...login, refreshToken: "sk-ant-ort01-CANARY-other" } }),
	);
	await host.run("refresh", "--force", "--yes");
	const { stdout: said } = await host.run("sinks");
	expect(said).toContain(
		`default/claude: claude-code, ${credentials()}\n  somebody logged in there by hand`,
	);
	expect(said).toMatch(/lags by .*\n {2}next: batond adopt claude/);
	expect(await sent()).toBe(2);
});
