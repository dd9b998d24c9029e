/** `batond login`: a login made on the VPS itself, by a person away from the PC. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runChild, startChild } from "../parts/child-process.ts";
import { type ClaudeProgram, makeClaudeProgram } from "../parts/claude-program.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { importForm, provideRealClaude, realClaudeEnvironment } from "../parts/real-claude.ts";
import { opensslMissing } from "../parts/scratch-ca.ts";
import { startTlsFront } from "../parts/tls-front.ts";
import { type BatondHost, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

let server: OAuthServer;
let host: BatondHost;
let claude: ClaudeProgram;

beforeEach(async () => {
	server = await startOAuthServer({ accessTokenSeconds: 3600 });
	host = makeBatondHost(server);
	claude = makeClaudeProgram();
});
afterEach(async () => {
	expect(await server.spentTwice()).toEqual([]);
	await server.close();
	host.scratch.remove();
	claude.scratch.remove();
});

const login = (...more: string[]) => host.run("login", "--claude", claude.path, ...more);
const file = () => join(host.stateFolder, "logins", "default", ".credentials.json");
/** And claude has let go of its lock. */
const isMade = () => existsSync(file()) && !existsSync(join(file(), "..", ".storage-write.lock"));
const refreshToken = () => JSON.parse(readFileSync(file(), "utf8")).claudeAiOauth.refreshToken;

test("a login made here is claimed, and its refresh token stays nowhere else", async () => {
	const service = await host.serve();
	claude.plays({ login: await server.mintLogin(), leavesHalf: true });
	const { code, stdout } = await login();
	expect([code, stdout]).toEqual([0, expect.stringContaining("default has taken over the login")]);
	expect(refreshToken()).toBe("");
	expect(existsSync(`${file()}.tmp.0a1b2c`)).toBe(false);
	expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
	const [run] = claude.runs();
	expect(run?.args).toEqual(["auth", "login"]);
	expect(run?.env.CLAUDE_CONFIG_DIR).toBe(join(host.stateFolder, "logins", "default"));
	service.kill("SIGTERM");
	await service.ended();
});

test("a healthy login is not replaced unasked, and no browser is opened for nothing", async () => {
	const service = await host.serve();
	const account = { uuid: "u1", email: "me@example.invalid", organizationUuid: "o1" };
	claude.plays({ login: await server.mintLogin({ account }) });
	await login();
	const { lineageId } = await host.status();
	claude.plays({ login: await server.mintLogin({ account }) });
	const declined = await login();
	expect([declined.code, declined.stderr]).toEqual([11, expect.stringContaining("in good order")]);
	expect(claude.runs()).toHaveLength(1);
	expect((await login("--replace")).code).toBe(0);
	expect((await host.status()).lineageId).not.toBe(lineageId);
	service.kill("SIGTERM");
	await service.ended();
});

test("without the service claude is not started", async () => {
	const { code } = await login();
	expect([code, claude.runs()]).toEqual([12, []]);
});

test("without a login nothing is changed", async () => {
	const service = await host.serve();
	claude.plays({ code: 1 });
	const { code, stderr } = await login();
	expect([code, stderr]).toEqual([
		10,
		expect.stringContaining("without a login, with exit code 1"),
	]);
	expect((await host.status()).state).toBe("none");
	service.kill("SIGTERM");
	await service.ended();
});

test("another one while claude waits is turned away, and disturbs nothing", async () => {
	const service = await host.serve();
	claude.plays({ login: await server.mintLogin(), waits: "before" });
	const first = await startChild(host.optionsOf(["login", "--claude", claude.path]));
	await until("claude waits", () => claude.runs().length === 1);
	expect(await login()).toMatchObject({
		code: 1,
		stderr: expect.stringContaining("another batond login is waiting for claude"),
	});
	expect(claude.runs()).toHaveLength(1);
	process.kill(-first.pid, "SIGINT");
	await first.ended();
	expect(first.stderr()).toContain("interrupted before a login was made");
	service.kill("SIGTERM");
	await service.ended();
});

test.each(["before", "after"] as const)(
	"Ctrl-C %s the login was made loses nothing",
	async (waits) => {
		const service = await host.serve();
		claude.plays({ login: await server.mintLogin(), waits });
		const child = await startChild(host.optionsOf(["login", "--claude", claude.path]));
		await until(
			"claude waits",
			() => claude.runs().length === 1 && (waits === "before" || isMade()),
		);
		process.kill(-child.pid, "SIGINT");
		expect((await child.ended()).code).toBe(1);
		expect((await host.status()).state).toBe("none");
		claude.plays({ login: await server.mintLogin() });
		const again = await runChild(host.optionsOf(["login", "--claude", claude.path]));
		expect(again.code).toBe(0);
		// What was made the first time is taken over, and no other is asked for.
		expect(claude.runs()).toHaveLength(waits === "before" ? 2 : 1);
		expect((await host.status()).state).toBe("held");
		service.kill("SIGTERM");
		await service.ended();
	},
);

const { path: program, missing } = await provideRealClaude();

/** As far as it goes without a browser: by its documented import form. */
test.skipIf((missing ?? opensslMissing()) !== undefined)(
	"the real claude logs in here, and its login is claimed",
	async () => {
		const front = await startTlsFront({
			"platform.claude.com/v1/oauth/token": server.tokenUrl,
			"api.anthropic.com/api/oauth/profile": server.profileUrl,
		});
		try {
			const service = await host.serve();
			const { refreshToken, scopes } = await server.mintLogin();
			const { argv, env } = host.optionsOf(["login", "--claude", program]);
			const claudes = { ...realClaudeEnvironment(front), ...importForm(refreshToken, scopes) };
			const made = await runChild({ argv, env: { ...env, ...claudes }, limitMs: 90_000 });
			expect([made.code, made.stderr]).toEqual([0, expect.stringContaining("Login successful.")]);
			expect((await host.status()).state).toBe("held");
			expect(readFileSync(file(), "utf8")).not.toContain("sk-ant-ort01");
			expect(front.refused()).toEqual([]);
			service.kill("SIGTERM");
			await service.ended();
		} finally {
			await front.close();
		}
	},
	120_000,
);
