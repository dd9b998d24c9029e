/** `batond check`, as a timer, a monitor or an agent runs it. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stopAllChildren } from "../parts/child-process.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { type BatondHost, connectDevice, deliver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

const HELD_FOR_LONG = 28_800;

let provider: OAuthServer;
let host: BatondHost;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: HELD_FOR_LONG });
	host = makeBatondHost(provider);
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

/** A service that holds a login whose tokens live so long, under this name. */
async function holding(accessTokenSeconds: number, name = "default"): Promise<void> {
	await provider.change({ accessTokenSeconds });
	const device = await connectDevice(host);
	const login = await provider.mintLogin();
	const ask = (request: object) => device.ask({ ...request, name });
	await deliver({ ...device, ask }, login);
	await until(`${name} is held`, async () => (await names()).get(name)?.state === "held");
	device.child.endInput();
}

async function names(): Promise<Map<string, Record<string, unknown>>> {
	const { stdout } = await host.run("status", "--json");
	const { names } = JSON.parse(stdout) as { names: { name: string }[] };
	return new Map(names.map((one) => [one.name, one]));
}

const sent = async () => (await provider.presentations()).length;
const audit = () =>
	readFileSync(join(host.stateFolder, "audit.jsonl"), "utf8")
		.trim()
		.split("\n")
		.map((line) => (JSON.parse(line) as { what: string }).what);

test("well, due and in need: the code and one line say so, and nothing is spent", async () => {
	await host.serve();
	expect(await host.run("check")).toMatchObject({
		code: 10,
		stdout: expect.stringMatching(/^default: no login yet; next: .*\n$/),
	});
	await holding(HELD_FOR_LONG);
	const well = await host.run("check");
	expect(well).toMatchObject({ code: 0, stderr: "" });
	expect(well.stdout).toMatch(
		/^default: 7 h 59 min left, until \d{4}-\d\d-\d\d \d\d:\d\d UTC \(login ends \d{4}-\d\d-\d\d\)\n$/,
	);
	const due = await host.run("check", "--within", "9h");
	expect(due).toMatchObject({ code: 9, stdout: expect.stringContaining("; refresh due; next: ") });
	expect(await sent()).toBe(1);
	const { stdout } = await host.run("check", "--within", "9h", "--json");
	expect(JSON.parse(stdout)).toMatchObject({
		ok: false,
		names: [{ ok: false, code: 9, name: "default", state: "held", sinks: [{ name: "claude" }] }],
	});
});

test("--fix refreshes what is due, publishes it and says so; not twice within a quarter", async () => {
	const service = await host.serve();
	await holding(8);
	const before = host.sinkFile().accessToken;
	await quarterIsOver(8);
	await provider.change({ accessTokenSeconds: HELD_FOR_LONG });
	expect(await host.run("check", "--fix")).toMatchObject({
		code: 0,
		stdout: expect.stringMatching(/^default: refreshed; 7 h 59 min left, until /),
	});
	expect(await sent()).toBe(2);
	const { accessToken } = host.sinkFile();
	expect(accessToken).not.toBe(before);
	expect((await host.run("token")).stdout.trim()).toBe(accessToken);
	const again = await host.run("check", "--fix", "--within", "9h", "--json");
	expect(again.code).toBe(9);
	expect(JSON.parse(again.stdout)).toMatchObject({
		names: [{ refreshed: false, declined: "too-soon" }],
	});
	expect(await sent()).toBe(2);
	expect(audit().filter((what) => what === "refresh-asked")).toHaveLength(1);
	expect(service.exit()).toBeUndefined();
});

test("--fix leaves alone what is not due, and a provider that is away is told", async () => {
	await host.serve();
	await holding(HELD_FOR_LONG);
	expect(await host.run("check", "--fix")).toMatchObject({ code: 0 });
	expect(await sent()).toBe(1);
	await provider.down();
	await shortLived();
	await quarterIsOver(12);
	expect(await host.run("check", "--fix", "--name", "default")).toMatchObject({
		code: 9,
		stdout: expect.stringMatching(/^default: a refresh was asked for and failed; .*out of reach/),
	});
	await until("the token has ended", async () => (await host.run("check")).code === 13);
	expect((await host.run("check")).stdout).toContain("the provider is out of reach");
});

/** Of the life of a token that lives so long. */
async function quarterIsOver(accessTokenSeconds: number): Promise<void> {
	await until("a quarter is over", async () => {
		const { rotatedAt = 0 } = (await host.status()) as { rotatedAt?: number };
		return Date.now() - rotatedAt > accessTokenSeconds * 250;
	});
}

/** The same host with a login whose access token ends within seconds. */
async function shortLived(): Promise<void> {
	await provider.up();
	await provider.change({ accessTokenSeconds: 12 });
	const device = await connectDevice(host);
	const login = await provider.mintLogin({ account: await accountOf() });
	const ask = (request: object) => device.ask({ ...request, replace: true });
	await deliver({ ...device, ask }, login);
	await until("the new one is held", async () => {
		const { accessUntil = 0 } = (await host.status()) as { accessUntil?: number };
		return accessUntil < Date.now() + 60_000;
	});
	await provider.down();
}

async function accountOf() {
	const live = await provider.liveAccess(host.sinkFile().accessToken);
	if (live === undefined) throw new Error("no account");
	return live.account;
}

test("a setup token says until when, and is never refreshed", async () => {
	await host.serve();
	const token = await provider.mintSetupToken();
	const device = await connectDevice(host);
	const fp = createHash("sha256").update(token).digest("hex");
	const expiresAt = Date.now() + 300 * 24 * 3_600_000 + 60_000;
	const offer = { type: "offer", fp, lineageId: fp.slice(0, 16), kind: "setup-token", expiresAt };
	const { nonce } = await device.ask(offer);
	const session = {
		accessToken: token,
		refreshToken: "",
		expiresAt,
		scopes: [],
		kind: "setup-token",
	};
	await device.ask({ type: "deliver", fp, nonce, session });
	await until("it is held", async () => (await host.status()).state === "held");
	const { code, stdout } = await host.run("check", "--fix", "--within", "1h");
	expect({ code, stdout }).toMatchObject({
		code: 0,
		stdout: expect.stringMatching(/^default: 300 days left, until .* \(a setup token, never/),
	});
	expect((await host.run("check", "--fix", "--within", "301d")).code).toBe(10);
	expect(await sent()).toBe(0);
});

test("of two names each has its line, and the worse code counts", async () => {
	host.scratch.remove();
	host = makeBatondHost(provider, { names: { default: { sinks: {} }, work: { sinks: {} } } });
	await host.serve();
	await holding(HELD_FOR_LONG, "work");
	const { code, stdout } = await host.run("check");
	expect(code).toBe(10);
	expect(stdout.split("\n").map((line) => line.split(" left")[0])).toEqual([
		expect.stringMatching(/^default: no login yet/),
		"work: 7 h 59 min",
		"",
	]);
	expect((await host.run("check", "--name", "work")).code).toBe(0);
	expect(await host.run("check", "--name", "wrok")).toMatchObject({
		code: 2,
		stderr: expect.stringContaining("next: there is default, work"),
	});
	expect((await host.run("check", "--within", "soon")).code).toBe(2);
});

test("a sink that a person took over is named in the line", async () => {
	await host.serve();
	await holding(8);
	const file = join(host.claudeFolder, ".credentials.json");
	const own = { accessToken: "mine", refreshToken: "mine", expiresAt: Date.now() + 3_600_000 };
	writeFileSync(file, JSON.stringify({ claudeAiOauth: own }));
	await until("it is refreshed", async () => Number((await host.status()).generation) > 1);
	await until("the sink is paused", async () =>
		(await host.run("check", "--within", "1s")).stdout.includes(
			"; sink claude is paused: somebody else's login lies there",
		),
	);
});

test("without the service it ends with 12", async () => {
	expect(await host.run("check")).toMatchObject({ code: 12, stdout: "" });
	const { code, stdout } = await host.run("check", "--json", "--fix");
	expect(code).toBe(12);
	expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "service-unavailable" } });
});
