/** The built service behind a proxy, with an authority of its own: from the settings and the environment. */
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../parts/canary.ts";
import { stopAllChildren } from "../parts/child-process.ts";
import { type ConnectProxy, startConnectProxy } from "../parts/connect-proxy.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { opensslMissing } from "../parts/scratch-ca.ts";
import { startTlsFront, type TlsFront } from "../parts/tls-front.ts";
import { type BatondHost, handOver, makeBatondHost } from "./batond-host.ts";
import { until } from "./stories/until.ts";

const PASSWORD = "someone:sk-ant-oat01-CANARY-password";

describe.skipIf(opensslMissing() !== undefined)("behind a proxy", () => {
	let provider: OAuthServer;
	let front: TlsFront;
	let gate: ConnectProxy;
	let hosts: BatondHost[];

	beforeEach(async () => {
		hosts = [];
		provider = await startOAuthServer({ accessTokenSeconds: 600 });
		// Names that nobody has: what went past the proxy would reach nobody.
		front = await startTlsFront({
			"token.provider.test/v1/token": provider.tokenUrl,
			"api.provider.test/profile": provider.profileUrl,
		});
		const to = Number(new URL(front.proxyUrl).port);
		gate = await startConnectProxy({ kind: "pass", to, password: PASSWORD });
	});
	afterEach(async () => {
		await stopAllChildren();
		await gate.close();
		await front.close();
		await provider.close();
		for (const { scratch } of hosts) scratch.remove();
	});

	function hostWith(settings: object, environment = {}): BatondHost {
		const addresses = {
			tokenUrl: "https://token.provider.test/v1/token",
			profileUrl: "https://api.provider.test/profile",
		};
		const host = makeBatondHost(provider, { provider: { ...addresses, ...settings } }, environment);
		hosts.push(host);
		return host;
	}

	async function keepsALogin(host: BatondHost): Promise<void> {
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		expect(await host.status()).toMatchObject({ state: "held", generation: 1 });
		expect(new Set(front.requests())).toEqual(
			new Set(["GET api.provider.test/profile", "POST token.provider.test/v1/token"]),
		);
		expect(front.refused()).toEqual([]);
		expect(
			findLeaks({
				pattern: CANARY_PATTERN,
				texts: { log: service.stderr() + service.stdout() },
				paths: [host.stateFolder],
			}),
		).toEqual([]);
	}

	test("that the settings name, with a password in a file", async () => {
		const host = hostWith({ proxy: gate.url, ca: front.caFile, proxyCredentials: "~/proxy" });
		writeFileSync(host.scratch.at("proxy"), `${PASSWORD}\n`, { mode: 0o600 });
		await keepsALogin(host);
		expect(gate.heads().length).toBeGreaterThan(1);
	});

	test("that the environment names", async () => {
		await keepsALogin(hostWith({ ca: front.caFile }, { HTTPS_PROXY: front.proxyUrl }));
	});

	test("that wants a password nobody gave: nothing is spent, and it is said", async () => {
		const host = hostWith({ proxy: gate.url, ca: front.caFile });
		await host.serve();
		// Its access token has ended: it is claimed at once, and whose it is asked after.
		const login = await provider.mintLogin();
		const child = await host.start("import", "--yes", writeLogin(host, login));
		await until(
			"the claim was tried",
			() => host.status(),
			({ failures }) => Number(failures) > 0,
		);
		expect((await host.run("status")).stdout).toContain("the proxy does not let us through");
		child.kill("SIGINT");
		await child.ended();
		expect(await provider.presentations()).toEqual([]);
		expect(front.requests()).toEqual([]);
	});

	test.each<[string, object, RegExp]>([
		["an authority that is not there", { ca: "/nowhere/ca.pem" }, /there is no file \/nowhere/],
		["a proxy with its password", { proxy: "http://a:CANARY@b:1" }, /does not belong into the set/],
		["a password for no proxy", { proxyCredentials: "/dev/null" }, /not a plain file/],
	])("%s: it does not start, and says so", async (_what, settings, said) => {
		const { code, stderr } = await hostWith(settings).run("serve");
		expect(stderr).toMatch(said);
		expect(stderr).not.toContain("CANARY");
		expect([1, 2]).toContain(code);
	});
});

function writeLogin(host: BatondHost, login: object): string {
	const file = host.scratch.at("ended.json");
	const claudeAiOauth = { ...login, expiresAt: Date.now() - 60_000 };
	writeFileSync(file, JSON.stringify({ claudeAiOauth }), { mode: 0o600 });
	return file;
}
