/** The built service with the engine `claude-cli`: the official claude refreshes, whatever happens around it. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { provideRealClaude } from "../parts/real-claude.ts";
import { opensslMissing } from "../parts/scratch-ca.ts";
import { startTlsFront, type TlsFront } from "../parts/tls-front.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { type BatondHost, connectDevice, deliver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

const TOKEN = "platform.claude.com/v1/oauth/token";
const PROFILE = "api.anthropic.com/api/oauth/profile";

const { path: program, missing } = await provideRealClaude();
const lacking = missing ?? opensslMissing();

describe.skipIf(lacking !== undefined)("with the real claude", () => {
	let server: OAuthServer;
	let front: TlsFront;
	let host: BatondHost;
	const running: { stop(signal: NodeJS.Signals): Promise<unknown> }[] = [];

	beforeAll(async () => {
		server = await startOAuthServer({ accessTokenSeconds: 3600 });
		front = await startTlsFront({ [TOKEN]: server.tokenUrl, [PROFILE]: server.profileUrl });
	});
	afterEach(async () => {
		await server.clearFaults();
		await server.release();
		for (const one of running.splice(0)) await one.stop("SIGTERM");
		expect(await server.spentTwice()).toEqual([]);
		expect(front.refused()).toEqual([]);
		host.scratch.remove();
	});
	afterAll(async () => {
		await front.close();
		await server.close();
	});

	function machine(): BatondHost {
		const { profileUrl, revokeUrl } = server;
		const provider = { profileUrl, revokeUrl, proxy: front.proxyUrl, ca: front.caFile };
		const timing = { requestLimit: "100s", deadConfirm: "500ms", witnessWait: "2s" };
		host = makeBatondHost(server, { provider, timing, claude: program });
		return host;
	}

	async function serve() {
		const child = await host.serve({ PATH: "/usr/local/bin:/usr/bin:/bin" });
		const stop = async (signal: NodeJS.Signals) => {
			child.kill(signal);
			return await child.ended();
		};
		running.push({ stop });
		return child;
	}

	async function handOver(): Promise<string> {
		const device = await connectDevice(host);
		const fp = await deliver(device, await server.mintLogin());
		device.child.endInput();
		await device.child.ended();
		return fp;
	}

	const untilState = (state: string) =>
		until(`it is ${state}`, async () => (await host.status()).state === state, Boolean, 90_000);

	function leftBehind(): string {
		const folder = join(host.stateFolder, "engine");
		if (!existsSync(folder)) return "";
		return (readdirSync(folder, { recursive: true }) as string[])
			.map((name) => join(folder, name))
			.map((path) => (statSync(path).isFile() ? readFileSync(path, "utf8") : ""))
			.join("\n");
	}

	test("a login is claimed by claude, and nothing of it stays in claude's folder", async () => {
		machine();
		await serve();
		await handOver();
		await untilState("held");
		expect(await server.liveAccess(host.sinkFile().accessToken)).toBeDefined();
		await until("claude's folder is gone", () => !leftBehind().includes("CANARY"));
		const { stdout } = await host.run("status");
		expect(stdout).toContain(`\nengine claude-cli: claude 2.1.330, ${program}\n`);
		expect((await server.presentations()).at(-1)).toMatchObject({ outcome: "rotated" });
	}, 120_000);

	test("a refusal that claude met is known as one, and it goes on later", async () => {
		machine();
		await server.inject("token", { kind: "status", status: 429 }, "until-cleared");
		await serve();
		await handOver();
		await until("it is refused", async () => (await host.status()).refusal === "rate-limited");
		expect((await host.status()).state).toBe("staged");
		await server.clearFaults();
		await untilState("held");
	}, 120_000);

	test("a provider that takes longer than claude auth status would wait loses nothing", async () => {
		machine();
		await server.inject("token", { kind: "delay", ms: 12_000, when: "after" }, 2);
		await serve();
		await handOver();
		await untilState("held");
	}, 120_000);

	test("with the provider down claude is not even started", async () => {
		machine();
		await serve();
		const device = await connectDevice(host);
		await server.inject("token", { kind: "status", status: 503 }, "until-cleared");
		const before = (await server.presentations()).length;
		await deliver(device, await server.mintLogin());
		await until("it is refused", async () => (await host.status()).refusal === "server");
		expect((await server.presentations()).length).toBe(before);
		expect(existsSync(join(host.stateFolder, "engine"))).toBe(false);
		await server.clearFaults();
		await untilState("held");
		device.child.endInput();
		await device.child.ended();
	}, 120_000);

	/** The provider has rotated, and its answer is on its way to claude. */
	async function untilAnswering(): Promise<void> {
		await server.inject("token", { kind: "hold", when: "after" }, 2);
		await handOver();
		// The first time claude asks for more scopes than the login has.
		await server.untilHeld(1, 60_000);
		await server.release();
		await server.untilHeld(1, 60_000);
		expect((await server.presentations()).at(-1)).toMatchObject({ outcome: "rotated" });
	}

	test("the service is killed while the answer is on its way: claude goes on, and it is harvested", async () => {
		machine();
		const child = await serve();
		await untilAnswering();
		// And all that is of its group, as a terminal's end would.
		process.kill(-child.pid, "SIGKILL");
		await child.ended();
		running.length = 0;
		await server.release();
		await serve();
		await untilState("held");
		expect(await server.liveAccess(host.sinkFile().accessToken)).toBeDefined();
		await until("claude's folder is gone", () => !leftBehind().includes("CANARY"));
	}, 150_000);

	test("the service is restarted while the answer is on its way: it waits for it", async () => {
		machine();
		const child = await serve();
		await untilAnswering();
		process.kill(-child.pid, "SIGTERM");
		await server.release();
		expect((await child.ended()).code).toBe(0);
		running.length = 0;
		expect(leftBehind()).not.toContain("CANARY");
		await serve();
		await untilState("held");
		expect(fingerprintOf(host.sinkFile().refreshToken || "none")).toBe(fingerprintOf("none"));
		expect(await server.liveAccess(host.sinkFile().accessToken)).toBeDefined();
	}, 150_000);
});
