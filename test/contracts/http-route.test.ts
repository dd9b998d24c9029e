/**
 * The way to the provider: certificates, own authorities, proxies. Whatever stands in it, a request that
 * was not let through was never sent, and a token goes to the provider alone.
 */
import { chmodSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { CLAUDE_PROVIDER, type Provider, type RefreshOutcome } from "@baton/core/oauth";
import { Secret } from "@baton/core/secret";
import { type ArmedSession, isArmed, parseEntry } from "@baton/core/session";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { httpEngine } from "../../packages/vps/src/engines/http.ts";
import { type Route, STRAIGHT } from "../../packages/vps/src/engines/route.ts";
import { findProxy } from "../../packages/vps/src/find-proxy.ts";
import { openRoute } from "../../packages/vps/src/open-route.ts";
import { httpProbe } from "../../packages/vps/src/probe.ts";
import { type ConnectProxy, type ProxyManner, startConnectProxy } from "../parts/connect-proxy.ts";
import { makeScratch, removeAllScratch, type Scratch } from "../parts/scratch.ts";
import { makeScratchCa, opensslMissing, type ScratchCa } from "../parts/scratch-ca.ts";
import { startTlsServer, type TlsServer } from "../parts/tls-server.ts";

const REQUEST_LIMIT = 3_000;
const NAME = "localhost";
const ACCESS = "sk-ant-oat01-CANARY-route-access-token";
const REFRESH = "sk-ant-ort01-CANARY-route-refresh-token";
const PASSWORD = "someone:CANARY:pass word";

const GOOD = JSON.stringify({
	access_token: "new-CANARY",
	refresh_token: "next-CANARY",
	expires_in: 60,
});
const PROFILE = JSON.stringify({ account: { uuid: "acct" } });

function login(): ArmedSession {
	const session = parseEntry({ accessToken: ACCESS, refreshToken: REFRESH, scopes: [] });
	if (!isArmed(session)) throw new Error("made to be armed");
	return session;
}

function providerAt(port: number, host = NAME): Provider {
	return {
		...CLAUDE_PROVIDER,
		tokenUrl: `https://${host}:${port}/token`,
		profileUrl: `https://${host}:${port}/profile`,
		userAgent: "baton/test",
	};
}

async function refreshBy(route: Route, server: TlsServer, host?: string): Promise<RefreshOutcome> {
	const engine = httpEngine(providerAt(server.port, host), REQUEST_LIMIT, Date.now, route);
	const outcome = await engine.refresh(login());
	expect(inspect(outcome, { depth: 9 }) + JSON.stringify(outcome)).not.toContain("CANARY");
	return outcome;
}

describe.skipIf(opensslMissing() !== undefined)("to a provider by TLS", () => {
	const places: Scratch[] = [];
	const place = () => {
		const made = makeScratch();
		places.push(made);
		return made;
	};
	let good: ScratchCa;
	let server: TlsServer;
	let trusting: Route;
	const closing: { close(): Promise<void> }[] = [];

	beforeAll(() => {
		good = makeScratchCa(place(), [NAME]);
	});
	beforeEach(async () => {
		server = await startTlsServer(good, (path) => (path === "/profile" ? PROFILE : GOOD));
		closing.push(server);
		trusting = await openRoute({ ...SETTINGS, ca: good.caFile }, {});
	});
	afterEach(async () => {
		for (const one of closing.splice(0)) await one.close();
	});
	afterAll(removeAllScratch);

	const SETTINGS = { ...CLAUDE_PROVIDER };
	async function proxy(manner: ProxyManner, identity?: ScratchCa): Promise<ConnectProxy> {
		const started = await startConnectProxy(manner, identity);
		closing.push(started);
		return started;
	}
	async function through(url: string, credentials?: string): Promise<Route> {
		const of = credentials === undefined ? undefined : new Secret(credentials);
		return { ...trusting, proxy: { url: new URL(url), credentials: of, except: [] } };
	}

	describe("straight", () => {
		test("one whose authority was added is trusted, by refresh and probe", async () => {
			expect(await refreshBy(trusting, server)).toMatchObject({ kind: "rotated" });
			const probe = httpProbe(providerAt(server.port), REQUEST_LIMIT, Date.now, trusting);
			expect(await probe(new Secret(ACCESS))).toMatchObject({ kind: "good", account: "acct" });
			expect(server.requests()).toEqual(["POST /token", "GET /profile"]);
		});

		test("one that nobody vouches for is sent nothing", async () => {
			expect(await refreshBy(STRAIGHT, server)).toEqual({ kind: "not-sent", why: "certificate" });
			expect(server.requests()).toEqual([]);
		});

		test("one that nobody vouches for is sent nothing, whatever the environment says", async () => {
			vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
			try {
				expect(await refreshBy(STRAIGHT, server)).toEqual({ kind: "not-sent", why: "certificate" });
			} finally {
				vi.unstubAllEnvs();
			}
			expect(server.requests()).toEqual([]);
		});

		test("an authority of the environment is trusted beside an added one", async () => {
			const other = makeScratchCa(place(), ["other.test"]);
			const both = await openRoute(
				{ ...SETTINGS, ca: other.caFile },
				{ NODE_EXTRA_CA_CERTS: good.caFile },
			);
			expect(await refreshBy(both, server)).toMatchObject({ kind: "rotated" });
			const alone = await openRoute({ ...SETTINGS, ca: other.caFile }, {});
			expect(await refreshBy(alone, server)).toMatchObject({ why: "certificate" });
		});

		test.each<[string, () => ScratchCa]>([
			["another's name", () => makeScratchCa(place(), ["other.test"])],
			["an end that has come", () => makeScratchCa(place(), [NAME], -1)],
		])("a certificate with %s is sent nothing", async (_what, make) => {
			const identity = make();
			const odd = await startTlsServer(identity, () => GOOD);
			closing.push(odd);
			const route = await openRoute({ ...SETTINGS, ca: identity.caFile }, {});
			expect(await refreshBy(route, odd)).toEqual({ kind: "not-sent", why: "certificate" });
			const probe = httpProbe(providerAt(odd.port), REQUEST_LIMIT, Date.now, route);
			expect(await probe(new Secret(ACCESS))).toEqual({ kind: "unknown" });
			expect(odd.requests()).toEqual([]);
		});
	});

	describe("through a proxy", () => {
		test.each(["http", "https"])("by %s: refresh and probe, and it sees no token", async (kind) => {
			const identity = kind === "https" ? good : undefined;
			const gate = await proxy({ kind: "tunnel", to: server.port }, identity);
			const route = await through(gate.url);
			expect(await refreshBy(route, server)).toMatchObject({ kind: "rotated" });
			const probe = httpProbe(providerAt(server.port), REQUEST_LIMIT, Date.now, route);
			expect(await probe(new Secret(ACCESS))).toMatchObject({ kind: "good" });
			expect(gate.heads()).toHaveLength(2);
			for (const head of gate.heads()) {
				expect(head).toBe(
					`CONNECT ${NAME}:${server.port} HTTP/1.1\r\n` +
						`host: ${NAME}:${server.port}\r\nConnection: close\r\n\r\n`,
				);
			}
			expect(gate.passed()).not.toBe("");
			expect(gate.passed()).not.toContain("CANARY");
			await expect.poll(() => gate.open()).toBe(0);
		});

		test("a password is given to the proxy, and to nobody else", async () => {
			const gate = await proxy({ kind: "tunnel", to: server.port, password: PASSWORD });
			const asked = await refreshBy(await through(gate.url), server);
			expect(asked).toEqual({ kind: "not-sent", why: "proxy" });
			expect(server.requests()).toEqual([]);
			const route = await through(gate.url, PASSWORD);
			expect(await refreshBy(route, server)).toMatchObject({ kind: "rotated" });
			expect(inspect(route, { depth: 9 })).not.toContain("CANARY");
			expect(server.heads()).not.toMatch(/proxy-authorization/i);
		});

		test.each<[string, ProxyManner]>([
			["407", { kind: "say", text: "HTTP/1.1 407 Who?\r\nproxy-authenticate: NTLM\r\n\r\n" }],
			["403 with a page", { kind: "say", text: "HTTP/1.1 403 No\r\n\r\n<html>CANARY</html>" }],
			["502", { kind: "say", text: "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n" }],
			[
				"a redirect",
				{ kind: "say", text: "HTTP/1.1 302 Go\r\nlocation: http://localhost:1/\r\n\r\n" },
			],
			["no HTTP", { kind: "say", text: "\u0000\u0001 SSH-2.0 CANARY\r\n\r\n" }],
			["nothing, and the end", { kind: "say", text: "" }],
			["nothing, and no end", { kind: "say", text: "", stays: true }],
			["half a head", { kind: "say", text: "HTTP/1.1 200 Conn", stays: true }],
			["a head without an end", { kind: "drone", text: "x-more: CANARY\r\n" }],
			["one 100 after another", { kind: "drone", text: "HTTP/1.1 100 Continue\r\n\r\n" }],
		])("that answers with %s: never sent", async (_what, manner) => {
			const gate = await proxy(manner);
			const started = performance.now();
			const outcome = await refreshBy(await through(gate.url), server);
			expect(outcome).toEqual({ kind: "not-sent", why: "proxy" });
			expect(performance.now() - started).toBeLessThan(REQUEST_LIMIT);
			expect(gate.heads().join("")).not.toContain("CANARY");
			expect(server.requests()).toEqual([]);
			await expect.poll(() => gate.open()).toBe(0);
		});

		test.each<[string, ProxyManner]>([
			["a page", { kind: "say", text: "HTTP/1.1 200 OK\r\n\r\n<html>log in first</html>" }],
			["silence", { kind: "say", text: "HTTP/1.1 200 OK\r\n\r\n", stays: true }],
			["the end", { kind: "say", text: "HTTP/1.1 200 OK\r\n\r\n" }],
		])("that lets us through to %s: never sent", async (_what, manner) => {
			const gate = await proxy(manner);
			expect(await refreshBy(await through(gate.url), server)).toMatchObject({ kind: "not-sent" });
		});

		test("that opens what goes through it, with a certificate of its own: never sent", async () => {
			const nosy = await startTlsServer(makeScratchCa(place(), [NAME]), () => GOOD);
			closing.push(nosy);
			const gate = await proxy({ kind: "tunnel", to: nosy.port });
			const outcome = await refreshBy(await through(gate.url), server);
			expect(outcome).toEqual({ kind: "not-sent", why: "certificate" });
			expect(nosy.requests()).toEqual([]);
		});

		test("that is not there: never sent", async () => {
			const gone = await startConnectProxy({ kind: "say", text: "" });
			await gone.close();
			expect(await refreshBy(await through(gone.url), server)).toEqual({ kind: "not-sent" });
		});

		test("that cuts the line after the request: no reply", async () => {
			const mute = await startTlsServer(good, () => "hang up");
			closing.push(mute);
			const gate = await proxy({ kind: "tunnel", to: mute.port });
			expect(await refreshBy(await through(gate.url), server)).toEqual({ kind: "no-reply" });
			expect(mute.requests()).toEqual(["POST /token"]);
		});

		test("by an IPv6 address, named as the RFC has it", async () => {
			const gate = await proxy({ kind: "say", text: "HTTP/1.1 502 No\r\n\r\n" });
			await refreshBy(await through(gate.url), server, "[::1]");
			expect(gate.heads()[0]).toMatch(/^CONNECT \[::1\]:\d+ HTTP\/1\.1\r\n/);
		});
	});

	describe("the settings", () => {
		function written(text: string, mode = 0o600): string {
			const file = place().at("file");
			writeFileSync(file, text);
			chmodSync(file, mode);
			return file;
		}
		const opened = (settings: object, environment = {}) =>
			openRoute({ ...SETTINGS, ...settings }, environment).then(
				(route) => route,
				(error: unknown) => inspect(error),
			);

		test.each<[string, () => object, RegExp]>([
			["an authority that is not there", () => ({ ca: "/nowhere/ca.pem" }), /there is no file/],
			["an authority that is a key", () => ({ ca: written(good.key) }), /not hold certificates/],
			[
				"half a certificate",
				() => ({ ca: written(good.cert.replace(/^(?=.*\w=*$).{20}/m, "")) }),
				/not hold certificates/,
			],
			["an authority others may write", () => ({ ca: written(good.cert, 0o666) }), /be written/],
			[
				"a password others may read",
				() => ({ proxy: "http://a:1", proxyCredentials: written(PASSWORD, 0o644) }),
				/can be read by other/,
			],
			[
				"a password that is none",
				() => ({ proxy: "http://a:1", proxyCredentials: written("CANARY\nCANARY") }),
				/user and a password/,
			],
			[
				"a password for no proxy",
				() => ({ proxyCredentials: written(PASSWORD) }),
				/without a proxy/,
			],
		])("%s is said", async (_what, settings, said) => {
			const fault = await opened(settings());
			expect(fault).toMatch(said);
			expect(fault).toContain("bad-settings");
			expect(fault).not.toContain("CANARY");
		});

		test("a password lies in a file, one line of it", async () => {
			for (const text of [PASSWORD, `${PASSWORD}\n`, `${PASSWORD}\r\n`]) {
				const route = await opened({ proxy: "https://a:1", proxyCredentials: written(text) });
				if (typeof route === "string") throw new Error(route);
				expect(route.proxy?.credentials?.reveal()).toBe(PASSWORD);
				expect(route.proxy?.url.href).toBe("https://a:1/");
			}
		});
	});
});

describe("a proxy of the environment", () => {
	const ENV = {
		HTTPS_PROXY: "http://gate.test:3128",
		NO_PROXY: "one.test, .two.test,three.test:8443",
	};

	test.each<[string, Record<string, string>, string | undefined]>([
		["is gone through", { HTTPS_PROXY: "http://gate.test:3128" }, "http://gate.test:3128/"],
		["in small letters as well", { https_proxy: "gate.test:3128" }, "http://gate.test:3128/"],
		["that is empty is none", { HTTPS_PROXY: "" }, undefined],
		["for plain HTTP is not meant", { HTTP_PROXY: "http://gate.test:3128" }, undefined],
	])("%s", async (_what, environment, url) => {
		expect((await findProxy({}, environment))?.url.href).toBe(url);
	});

	test("the settings' own comes first, and none means none", async () => {
		const own = await findProxy({ proxy: "http://own.test:1" }, ENV);
		expect([own?.url.host, own?.except]).toEqual(["own.test:1", []]);
		expect(await findProxy({ proxy: "none" }, ENV)).toBeUndefined();
	});

	test("its password is kept apart, and not shown", async () => {
		const found = await findProxy({}, { HTTPS_PROXY: "http://me:CANARY%40x@gate.test:3128" });
		expect(found?.url.href).toBe("http://gate.test:3128/");
		expect(found?.credentials?.reveal()).toBe("me:CANARY@x");
		expect(inspect(found)).not.toContain("CANARY");
	});

	test.each(["socks5://CANARY@gate.test", "http://", "gate test", "http://gate.test/path"])(
		"%j is none that can be used",
		async (HTTPS_PROXY) => {
			const fault = await findProxy({}, { HTTPS_PROXY }).catch(inspect);
			expect(fault).toContain("HTTPS_PROXY names no proxy");
			expect(fault).not.toContain("CANARY");
		},
	);
});
