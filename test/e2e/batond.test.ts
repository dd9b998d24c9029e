import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../parts/canary.ts";
import { type Child, stopAllChildren } from "../parts/child-process.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { lineageOf } from "../parts/token-ledger.ts";
import {
	type BatondHost,
	connectDevice,
	deliver,
	handOver,
	makeBatondHost,
	offerOf,
	untilAnswered,
} from "./batond-host.ts";
import { until } from "./stories/until.ts";

let provider: OAuthServer;
let host: BatondHost;

beforeEach(async () => {
	provider = await startOAuthServer({ accessTokenSeconds: 600 });
	host = makeBatondHost(provider);
});
afterEach(async () => {
	await stopAllChildren();
	await provider.close();
	host.scratch.remove();
});

const stateIs = (state: string) =>
	until(
		"the state is another",
		() => host.status(),
		(seen) => seen.state === state,
	);
const generationIs = (least: number) =>
	until(
		"it has rotated so often",
		() => host.status(),
		({ generation }) => Number(generation) >= least,
	);

/** A service that holds this login. */
async function holding(login: ClaudeAiOauth): Promise<Child> {
	const service = await host.serve();
	await handOver(host, login);
	return service;
}

describe("a hand-over", () => {
	test("ends in a receipt, a rotation and a token that lives", async () => {
		const login = await provider.mintLogin();
		await holding(login);
		expect(await provider.presentations()).toMatchObject([{ outcome: "rotated" }]);
		expect(await host.status()).toMatchObject({ state: "held", generation: 1, device: "laptop" });
		const { stdout, code } = await host.run("token");
		expect(code).toBe(0);
		expect(await provider.liveAccess(stdout.trim())).toBeDefined();
		expect(host.sinkFile()).toMatchObject({ accessToken: stdout.trim(), refreshToken: "" });
	});

	test("in which the device asks, withdraws and asks again leaves nothing behind", async () => {
		await host.serve();
		await provider.inject("token", { kind: "status", status: 503 }, "until-cleared");
		const device = await connectDevice(host);
		const fp = await deliver(device, await provider.mintLogin());
		expect(await device.ask({ type: "custody", fp })).toMatchObject({ type: "staged" });
		// A claim may be on its way at any moment: then nothing is promised.
		await untilAnswered(device, { type: "withdraw", fp }, "withdrawn");
		expect(await device.ask({ type: "custody", fp })).toMatchObject({ type: "withdrawn" });
		expect(await host.status()).toMatchObject({ state: "none" });
	});

	test("declined by a healthy custodian changes nothing", async () => {
		await holding(await provider.mintLogin());
		const device = await connectDevice(host);
		const answer = await device.ask(offerOf(await provider.mintLogin()));
		expect(answer).toMatchObject({ type: "decline" });
		expect(await provider.presentations()).toHaveLength(1);
	});
});

test("three rotations: each is durable, published, and no token is spent twice", async () => {
	await provider.change({ accessTokenSeconds: 3 });
	const login = await provider.mintLogin({ accessTokenSeconds: 600 });
	const service = await holding(login);
	await generationIs(4);
	expect(await provider.rotations(lineageOf(login.refreshToken))).toBeGreaterThanOrEqual(4);
	expect(await provider.spentTwice()).toEqual([]);
	const { stdout } = await host.run("status");
	const leaks = findLeaks({
		pattern: CANARY_PATTERN,
		texts: { log: service.stderr() + service.stdout(), status: stdout },
		paths: [host.stateFolder, host.configFolder],
		pids: [service.pid],
	});
	expect(leaks).toEqual([]);
	expect(host.sinkFile().refreshToken).toBe("");
});

test("a provider that is out of reach is told from a login that is needed", async () => {
	await provider.change({ accessTokenSeconds: 3 });
	const service = await host.serve();
	expect(await host.run("token")).toMatchObject({ code: 10 });
	await deliver(await connectDevice(host), await provider.mintLogin());
	await stateIs("held");
	await provider.down();
	const { stderr } = await until(
		"the provider is missed",
		() => host.run("token"),
		({ code }) => code === 13,
	);
	expect(stderr).toContain("the provider is out of reach");
	expect((await host.run("status")).stdout).toContain("the provider is out of reach (failure ");
	expect(service.exit()).toBeUndefined();
});

describe("a restart", () => {
	test("goes on where it was and spends nothing", async () => {
		const service = await holding(await provider.mintLogin());
		service.kill("SIGTERM");
		expect(await service.ended()).toEqual({ code: 0, signal: null });
		expect((await host.run("status")).code).toBe(12);
		await host.serve();
		expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
		expect((await host.run("token")).code).toBe(0);
		expect(await provider.presentations()).toHaveLength(1);
	});

	test("that comes during a refresh waits for it and saves what came of it", async () => {
		const service = await host.serve();
		await provider.inject("token", { kind: "hold", when: "after" });
		await deliver(await connectDevice(host), await provider.mintLogin());
		await provider.untilHeld();
		service.kill("SIGTERM");
		await pause(200);
		expect(service.exit()).toBeUndefined();
		await provider.release();
		expect(await service.ended()).toEqual({ code: 0, signal: null });
		await host.serve();
		expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
		expect(await provider.liveAccess(host.sinkFile().accessToken)).toBeDefined();
		expect(await provider.spentTwice()).toEqual([]);
	});

	test("after a kill with the reply lost finds the login dead, and never replays", async () => {
		host.scratch.remove();
		host = makeBatondHost(provider, { refresh: { before: "1h" } });
		await provider.change({ accessTokenSeconds: 8 });
		const service = await holding(await provider.mintLogin());
		await provider.inject("token", { kind: "hold", when: "after" });
		await provider.untilHeld();
		service.kill("SIGKILL");
		await service.ended();
		await host.serve();
		await stateIs("needs-login");
		expect(await host.status()).toMatchObject({ need: "lost-in-flight", generation: 1 });
		expect(await provider.presentations()).toHaveLength(2);
		expect((await host.run("token")).code).toBe(10);
	});

	test("after a kill during the claim, reply lost: spent, and never presented again", async () => {
		const service = await host.serve();
		await provider.inject("token", { kind: "hold", when: "after" });
		const fp = await deliver(await connectDevice(host), await provider.mintLogin());
		await provider.untilHeld();
		service.kill("SIGKILL");
		await service.ended();
		await host.serve();
		const device = await connectDevice(host);
		expect(await device.ask({ type: "custody", fp })).toMatchObject({ type: "in-doubt" });
		expect(await device.ask({ type: "withdraw", fp })).toMatchObject({ type: "in-doubt" });
		await untilAnswered(device, { type: "custody", fp }, "spent");
		expect(await provider.presentations()).toHaveLength(1);
	});

	test("after a kill before the provider saw the refresh is in doubt, and tries once, late", async () => {
		const service = await host.serve();
		const login = await provider.mintLogin({ accessTokenSeconds: 8 });
		await provider.inject("token", { kind: "drop-request" });
		await deliver(await connectDevice(host), login);
		await until(
			"the refresh is sent",
			() => provider.presentations(),
			(seen) => seen.length === 1,
		);
		service.kill("SIGKILL");
		await service.ended();
		await host.serve();
		await stateIs("in-doubt");
		expect(await host.run("token")).toMatchObject({ code: 0 });
		await stateIs("held");
		const outcomes = (await provider.presentations()).map(({ outcome }) => outcome);
		expect(outcomes).toEqual(["dropped", "rotated"]);
		expect(await provider.spentTwice()).toEqual([]);
	});
});

describe("bad input", () => {
	const FP = "0".repeat(64);

	test.each<[string, string, RegExp]>([
		["no JSON", "{oh", /not valid JSON/],
		["a list", "[1]", /protocol version/],
		["another version", '{"v":2,"id":"x","type":"status"}', /protocol version 2/],
		["an unknown type", '{"v":1,"id":"x","type":"token"}', /its type is wrong|type/],
		["a short fingerprint", '{"v":1,"id":"x","type":"custody","fp":"ab"}', /fp is wrong/],
		["an unknown name", `{"v":1,"id":"x","type":"custody","fp":"${FP}","name":"other"}`, /other/],
		["a NUL", `{"v":1,\u0000}`, /NUL/],
		["a line that is too long", `{"v":1,"id":"x","pad":"${"x".repeat(70_000)}"}`, /too long/],
	])("%s is refused, and the line is closed", async (_what, line, reason) => {
		await host.serve();
		const device = await connectDevice(host);
		device.say(line);
		const answer = JSON.parse(await device.child.line(/"type":"refused"/)) as { reason: string };
		expect(answer.reason).toMatch(reason);
		expect(await device.child.ended()).toMatchObject({ code: 0 });
		expect(await host.status()).toMatchObject({ state: "none" });
	});

	test("a device that says nothing sensible takes no other's place", async () => {
		await host.serve();
		const device = await connectDevice(host);
		for (let n = 0; n < 63; n += 1) await device.ask({ type: "custody", fp: FP });
		expect(await device.ask({ type: "custody", fp: FP })).toMatchObject({ type: "unknown" });
		expect(await device.ask({ type: "custody", fp: FP })).toMatchObject({ type: "refused" });
		const other = await connectDevice(host);
		expect(await other.ask({ type: "status" })).toMatchObject({ type: "status", state: "none" });
	});

	test("more than there may be at once are told so, and the rest go on", async () => {
		const service = await host.serve();
		const path = join(host.stateFolder, "device.sock");
		const crowd = Array.from({ length: 32 }, () => connect(path).on("error", () => {}));
		await Promise.all(crowd.map((socket) => once(socket, "connect")));
		for (const socket of crowd) socket.write("x".repeat(60_000));
		const late = await connectDevice(host);
		late.say('{"v":1,"id":"x","type":"status"}');
		await late.child.line(/"type":"unavailable","reason":"too many connections"/);
		await late.child.ended();
		expect((await host.status()).state).toBe("none");
		for (const socket of crowd) socket.destroy();
		const device = await connectDevice(host);
		expect(await device.ask({ type: "status" })).toMatchObject({ type: "status" });
		expect(service.stderr()).not.toMatch(/warn/i);
	});

	test("a wrong nonce, another device's and a session that was not offered are not taken", async () => {
		await host.serve();
		const login = await provider.mintLogin();
		const fp = String(offerOf(login).fp);
		const device = await connectDevice(host);
		const { nonce } = await device.ask(offerOf(login));
		const request = { type: "deliver", fp, session: { ...login } };
		const wrong = await device.ask({ ...request, nonce: "0".repeat(32) });
		expect(wrong).toMatchObject({ type: "unknown" });
		const other = await connectDevice(host, "stranger");
		expect(await other.ask({ ...request, nonce })).toMatchObject({ type: "unknown" });
		const session = { ...(await provider.mintLogin()) };
		expect(await device.ask({ ...request, nonce, session })).toMatchObject({ type: "refused" });
		expect(await provider.presentations()).toEqual([]);
	});
});

describe("a start is refused, and nothing touched", () => {
	const secret = () => join(host.stateFolder, "secrets", "custody-default.secret");

	async function refusal(): Promise<{ code: number | null; stderr: string }> {
		const { code, stderr } = await host.run("serve");
		return { code, stderr };
	}

	async function stopped(): Promise<void> {
		const service = await host.serve();
		service.kill("SIGTERM");
		await service.ended();
	}

	test.each<[string, (bytes: Buffer) => Buffer]>([
		["cut short", (bytes) => bytes.subarray(0, bytes.length / 2)],
		["empty", () => Buffer.alloc(0)],
		[
			"changed by a bit",
			(bytes) => bytes.map((byte, at) => (at === 60 ? byte ^ 1 : byte)) as Buffer,
		],
		["of a newer version", (bytes) => Buffer.concat([Buffer.from("BATON\x02"), bytes.subarray(6)])],
	])("with a record that is %s", async (_how, damage) => {
		await stopped();
		const damaged = damage(readFileSync(secret()));
		writeFileSync(secret(), damaged);
		const { code, stderr } = await refusal();
		expect(code).toBe(1);
		expect(stderr).toMatch(/^error: .*custody-default/m);
		expect(stderr).toMatch(/^next: /m);
		expect(readFileSync(secret()).equals(damaged)).toBe(true);
	});

	test("while another one serves the folder", async () => {
		const service = await host.serve();
		expect(await refusal()).toMatchObject({
			code: 1,
			stderr: expect.stringContaining(`process ${service.pid} already serves`),
		});
		expect(await host.status()).toMatchObject({ state: "none" });
	});

	test("with settings that are not understood", async () => {
		writeFileSync(join(host.configFolder, "batond.json"), '{"nmaes":{}}');
		expect(await refusal()).toEqual({
			code: 2,
			stderr: expect.stringMatching(/unknown key nmaes\nnext: did you mean names\?/),
		});
		expect(readdirSync(host.configFolder)).toEqual(["batond.json"]);
	});

	test("with a state folder that others may write", async () => {
		mkdirSync(host.stateFolder);
		chmodSync(host.stateFolder, 0o777);
		expect(await refusal()).toMatchObject({ code: 1 });
	});
});

test.each<[words: string[], says: RegExp]>([
	[["confg"], /did you mean config\?/],
	[["config"], /a word is missing\nnext: see batond config --help/],
	[["status", "--jsn"], /did you mean --json\?/],
	[["token", "--min-valid", "soon"], /--min-valid soon is no duration\nnext: /],
])("a command line that is not understood says what to do: %j", async (words, says) => {
	const { code, stderr } = await host.run(...words);
	expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
});

test("of an option that is given twice the last one counts", async () => {
	// The host names its own settings last.
	const { code, stdout } = await host.run("config", "check", "--config", "/nowhere/batond.json");
	expect([code, stdout]).toEqual([
		0,
		expect.stringContaining(`${host.configFolder}/batond.json is`),
	]);
	expect(await host.run("status", "--state", "/nowhere")).toMatchObject({ code: 12 });
});

test("without the service a device is told so, and the commands say what to do", async () => {
	const device = await connectDevice(host);
	expect(await device.ask({ type: "status" })).toMatchObject({ type: "unavailable" });
	device.child.endInput();
	expect(await device.child.ended()).toMatchObject({ code: 12 });
	const { code, stderr } = await host.run("token");
	expect({ code, stderr }).toMatchObject({ code: 12, stderr: expect.stringContaining("next: ") });
});
