import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../parts/canary.ts";
import { runChild, stopAllChildren } from "../parts/child-process.ts";
import { type FakeClaude, makeFakeClaude } from "../parts/fake-claude.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { type BatondHost, handOver, makeBatondHost } from "./batond-host.ts";
import { holdClaudeLock } from "./stories/claude-lock.ts";
import { until } from "./stories/until.ts";

let provider: OAuthServer;
let host: BatondHost;
let claude: FakeClaude;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	host = makeBatondHost(provider);
	mkdirSync(host.claudeFolder, { mode: 0o700 });
	const { tokenUrl, revokeUrl, clientId } = provider;
	const server = { tokenUrl, revokeUrl, clientId, mintLogin: mint };
	claude = makeFakeClaude({ configFolder: host.claudeFolder, server });
});
afterEach(async () => {
	await stopAllChildren();
	expect(await provider.spentTwice()).toEqual([]);
	await provider.close();
	host.scratch.remove();
});

const ALICE = {
	uuid: "00000000-0000-4000-8000-00000000a11c",
	email: "alice@example.invalid",
	organizationUuid: "00000000-0000-4000-8000-0000000000a1",
};
const BOB = { ...ALICE, uuid: "00000000-0000-4000-8000-000000000b0b" };
const mint = () => provider.mintLogin({ account: ALICE });
const own = () => `${host.claudeFolder}/.credentials.json`;
const outcomes = async () => (await provider.presentations()).map(({ outcome }) => outcome);

/** A file as the OpenClaw plugin keeps one, with keys that are not ours. */
function copyOf(login: ClaudeAiOauth, ...path: string[]): string {
	const file = host.scratch.at(...path);
	mkdirSync(host.scratch.at(...path.slice(0, -1)), { recursive: true, mode: 0o700 });
	const content = { claudeAiOauth: { ...login, odd: 1 }, mcpOAuth: { server: "kept" } };
	writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
	return file;
}

function contentOf(file: string) {
	return JSON.parse(readFileSync(file, "utf8")) as {
		claudeAiOauth: ClaudeAiOauth & { odd: number };
		mcpOAuth: unknown;
	};
}

describe("a login made on this machine", () => {
	test("is taken over where it lies, and claude there goes on without a refresh token", async () => {
		const service = await host.serve();
		const login = await claude.login();
		const { stdout, code } = await host.run("import", own(), "--yes");
		expect([stdout, code]).toEqual([expect.stringContaining("has taken over the login in"), 0]);
		expect(await outcomes()).toEqual(["rotated"]);
		expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
		await until(
			"the sink has written",
			async () => claude.read()?.claudeAiOauth,
			(entry) => entry?.accessToken !== login.accessToken,
		);
		expect(host.sinkFile().refreshToken).toBe("");
		expect(await provider.liveAccess(host.sinkFile().accessToken)).toBeDefined();
		expect(await claude.refresh({ force: true })).toBe("logged-out");
		expect(
			findLeaks({
				pattern: CANARY_PATTERN,
				texts: { log: service.stderr() + service.stdout(), stdout },
				paths: [host.stateFolder, host.configFolder],
				pids: [service.pid],
			}),
		).toEqual([]);
	});

	test("and found by a sink is adopted, in the place of the login that was kept", async () => {
		await host.serve();
		await handOver(host, await mint());
		const login = await claude.login();
		expect(await host.run("adopt", "--yes")).toMatchObject({
			code: 11,
			stderr: expect.stringMatching(/has a login in good order\nnext: --replace/),
		});
		expect(claude.read()?.claudeAiOauth?.refreshToken).toBe(login.refreshToken);
		expect(await host.run("adopt", "claude", "--replace", "--yes")).toMatchObject({ code: 0 });
		expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
		expect(claude.read()?.claudeAiOauth?.refreshToken).toBe("");
		expect(await outcomes()).toEqual(["rotated", "rotated"]);
	});

	test("is waited for while claude is busy with it", async () => {
		await host.serve();
		await claude.login();
		const letGo = holdClaudeLock(host.claudeFolder);
		const importing = host.run("import", own(), "--yes", "--json");
		await until(
			"it is staged",
			() => host.status(),
			({ state }) => state === "staged",
		);
		letGo();
		const { stdout, code } = await importing;
		expect(JSON.parse(stdout)).toMatchObject({ ok: true, name: "default", became: "claimed" });
		expect(code).toBe(0);
	});

	test("that is refreshed there before it is disarmed is let go of", async () => {
		await provider.change({ killOldAccess: false });
		await host.serve();
		await claude.login();
		await provider.inject("profile", { kind: "status", status: 503 }, "until-cleared");
		const importing = host.run("import", own(), "--yes");
		await until(
			"the provider has been asked",
			() => host.status(),
			({ unanswered }) => Number(unanswered) > 0,
		);
		expect(await claude.refresh({ force: true })).toBe("refreshed");
		const before = readFileSync(own());
		await provider.clearFaults();
		expect(await importing).toMatchObject({ code: 11, stderr: expect.stringContaining("changed") });
		expect(readFileSync(own()).equals(before)).toBe(true);
		expect(await outcomes()).toEqual(["rotated"]);
	});
});

test("the plugin's file is disarmed, and what else is in it stays", async () => {
	await host.serve();
	const file = copyOf(await mint(), ".openclaw", "claude-credentials.json");
	expect(await host.run("import", file, "--yes")).toMatchObject({ code: 0 });
	const { claudeAiOauth, mcpOAuth } = contentOf(file);
	expect(claudeAiOauth).toMatchObject({ refreshToken: "", odd: 1 });
	expect(mcpOAuth).toEqual({ server: "kept" });
});

test("another account's login is not taken, and its file is as it was", async () => {
	await host.serve();
	await handOver(host, await mint());
	const other = await provider.mintLogin({ account: BOB });
	// A file need not tell the truth: only the provider's word counts.
	const liar = { ...other, accountUuid: ALICE.uuid };
	const file = copyOf(liar, "other", "claude-credentials.json");
	const before = readFileSync(file);
	const { code, stderr } = await host.run("import", file, "--replace", "--yes");
	expect([code, stderr]).toEqual([11, expect.stringContaining("is kept for another account")]);
	expect(readFileSync(file).equals(before)).toBe(true);
	expect(await provider.liveRefresh(other.refreshToken)).toBe(true);
});

test("a provider out of reach: here, not claimed, and the file untouched until it can be asked", async () => {
	const service = await host.serve();
	const file = copyOf(await mint(), "copy", "claude-credentials.json");
	await provider.down();
	const importing = await host.start("import", file, "--yes");
	await until(
		"the provider has been asked twice",
		() => host.status(),
		({ unanswered }) => Number(unanswered) > 1,
	);
	importing.kill("SIGINT");
	expect(await importing.ended()).toMatchObject({ code: 13 });
	expect(importing.stderr()).toContain("not claimed yet");
	expect(contentOf(file).claudeAiOauth.refreshToken).not.toBe("");

	service.kill("SIGKILL");
	await service.ended();
	await host.serve();
	await provider.up();
	await until(
		"it is claimed",
		() => host.status(),
		({ state }) => state === "held",
	);
	expect(contentOf(file).claudeAiOauth.refreshToken).toBe("");
	expect(await outcomes()).toEqual(["rotated"]);
});

test("killed after the disarm, with the claim still to be made: the only copy is claimed", async () => {
	const service = await host.serve();
	const file = copyOf(await mint(), "copy", "claude-credentials.json");
	await provider.inject("token", { kind: "status", status: 503 }, "until-cleared");
	const importing = await host.start("import", file, "--yes");
	// Between two tries: one that is under way would be in doubt after.
	await until(
		"the claim was refused twice",
		() => host.status(),
		({ failures }) => Number(failures) > 1,
	);
	expect(contentOf(file).claudeAiOauth.refreshToken).toBe("");
	service.kill("SIGKILL");
	await service.ended();
	await importing.ended();
	await provider.clearFaults();
	await host.serve();
	await until(
		"it is claimed",
		() => host.status(),
		({ state }) => state === "held",
	);
	expect((await outcomes()).filter((outcome) => outcome === "rotated")).toHaveLength(1);
});

test("killed before the answer to the claim came: it says what was lost, why, and what to do", async () => {
	const service = await host.serve();
	const file = copyOf(await mint(), "copy", "claude-credentials.json");
	await provider.inject("token", { kind: "hold", when: "after" });
	const importing = await host.start("import", file, "--yes");
	await provider.untilHeld();
	service.kill("SIGKILL");
	await service.ended();
	await importing.ended();
	await provider.release();
	await host.serve();
	await until(
		"it is known as lost",
		() => host.status(),
		({ need }) => need === "lost-in-flight",
	);
	const { stdout } = await host.run("status");
	expect(stdout).toContain(
		[
			"default: needs a new login: the answer to a refresh was lost",
			"  most likely: the provider had replaced its token, and the answer never came or was not saved in time",
			"  it was imported here; never refreshed",
			"  login ",
		].join("\n"),
	);
	expect(stdout).toContain("  next: on the PC, baton status says how to make a new login");
	expect((await host.run("check")).code).toBe(10);
	expect(await outcomes()).toEqual(["rotated"]);
});

test("a spare copy of a login that is kept here is disarmed, and nothing is spent", async () => {
	await host.serve();
	const login = await mint();
	const file = copyOf(login, "copy", "claude-credentials.json");
	await handOver(host, login);
	const { code, stdout } = await host.run("import", file, "--yes");
	expect([code, stdout]).toEqual([0, expect.stringContaining("this copy of it is disarmed now")]);
	expect(contentOf(file).claudeAiOauth.refreshToken).toBe("");
	expect(await outcomes()).toEqual(["rotated"]);
});

describe("a setup token", () => {
	async function typedIn(text: string, ...more: string[]) {
		const child = await host.start("import", "--setup-token", ...more);
		child.write(text);
		child.endInput();
		await child.ended();
		return { code: child.exit()?.code, said: child.stdout() + child.stderr() };
	}

	test("from standard input is served, and never refreshed", async () => {
		await host.serve();
		const token = await provider.mintSetupToken();
		const { code, said } = await typedIn(`${token}\n`);
		expect([code, said]).toEqual([0, expect.stringContaining("default keeps the setup token")]);
		expect((await host.run("token")).stdout.trim()).toBe(token);
		expect(host.sinkFile().accessToken).toBe(token);
		expect(await outcomes()).toEqual([]);
	});

	test("is spoken of as what it is, also after a restart, and after its end", async () => {
		const service = await host.serve();
		const token = await provider.mintSetupToken();
		await typedIn(token);
		service.kill("SIGTERM");
		await service.ended();
		await host.serve();
		const { stdout } = await host.run("status");
		expect(stdout).toContain("default: well; this host serves a setup token, which is never");
		expect(stdout).toMatch(/^ {2}setup token [0-9a-f]{16}, from this-host$/m);
		expect(stdout).toMatch(/^ {2}setup token ends in 36[45] days, /m);
		expect(stdout).not.toMatch(/^ {2}(login|access token)|generation/m);
		const short = await host.run("token", "--min-valid", "366d");
		expect([short.code, short.stdout]).toEqual([10, ""]);
		expect(short.stderr).toMatch(/the setup token for default ends in .*, and is never refreshed/);
		expect(await host.run("check", "--within", "366d")).toMatchObject({
			code: 10,
			stdout: expect.stringContaining("next: give batond import --setup-token what claude"),
		});
	});

	test("that was revoked is seen to be, and said", async () => {
		const service = await host.serve();
		const token = await provider.mintSetupToken();
		await typedIn(token);
		await provider.killAccess(token);
		service.kill("SIGTERM");
		await service.ended();
		await host.serve();
		await until(
			"it is seen",
			() => host.status(),
			({ need }) => need === "revoked-or-reused",
		);
		expect((await host.run("status")).stdout).toContain(
			"default: needs another setup token: the provider refuses this one",
		);
		expect(await host.run("token")).toMatchObject({ code: 10, stdout: "" });
	});

	test.each([
		["", /no setup token/],
		["hello there\n", /no setup token/],
		[`sk-ant-ort01-CANARY${"x".repeat(40)}\n`, /no setup token/],
		["x".repeat(100_000), /no setup token/],
	])("what is none is refused, and not shown: %#", async (text, words) => {
		await host.serve();
		const { code, said } = await typedIn(text);
		expect([code, said]).toEqual([2, expect.stringMatching(words)]);
		expect(said).not.toContain("CANARY");
	});
});

describe("asked wrongly, it does nothing", () => {
	test("without a terminal or --yes it does not take a login away", async () => {
		await host.serve();
		await claude.login();
		const before = readFileSync(own());
		const { code, stderr } = await host.run("import", own());
		expect([code, stderr]).toEqual([2, expect.stringContaining("--yes")]);
		expect(readFileSync(own()).equals(before)).toBe(true);
		expect(await host.status()).toMatchObject({ state: "none" });
	});

	test.each<[string, string | undefined, RegExp]>([
		["no file", undefined, /there is no file/],
		["an empty one", "", /perhaps half-written/],
		["half of one", '{"claudeAiOauth":{"accessTok', /perhaps half-written/],
		["a blank one", '{"claudeAiOauth":{"accessToken":"a","refreshToken":""}}', /no refresh token/],
		["something else", "[1]", /not a JSON object/],
	])("%s", async (_what, content, words) => {
		await host.serve();
		const file = host.scratch.at("odd.json");
		if (content !== undefined) writeFileSync(file, content);
		const { code, stderr } = await host.run("import", file, "--yes");
		expect([code, stderr]).toEqual([1, expect.stringMatching(words)]);
	});

	test("a name that is not kept, a sink that is not there, a service that does not run", async () => {
		const file = copyOf(await mint(), "copy", "c.json");
		expect(await host.run("import", file, "--yes")).toMatchObject({ code: 12 });
		await host.serve();
		expect(await host.run("import", file, "--yes", "--name", "work")).toMatchObject({ code: 2 });
		expect(await host.run("adopt", "nosuch", "--yes")).toMatchObject({
			code: 2,
			stderr: expect.stringContaining("there is: claude"),
		});
		expect(await host.run("import")).toMatchObject({ code: 2 });
		expect(contentOf(file).claudeAiOauth.refreshToken).not.toBe("");
	});
});

test("a person at a terminal is told what it means, and may say no", async () => {
	await host.serve();
	await claude.login();
	const { argv, env } = host.optionsOf(["import", own()]);
	const words = argv.map((word) => `'${word}'`).join(" ");
	const on = (answer: string) =>
		runChild({
			argv: ["/bin/sh", "-c", `printf '${answer}\\n' | script -qec "${words}" /dev/null`],
			env: { ...env, PATH: process.env.PATH ?? "" },
		});
	const no = await on("n");
	expect(no.stdout).toContain("claude there goes on with the access tokens of sink claude");
	expect(no.stdout).toContain("nothing was done");
	expect(claude.read()?.claudeAiOauth?.refreshToken).not.toBe("");
	expect((await on("y")).stdout).toContain("has taken over the login");
});
