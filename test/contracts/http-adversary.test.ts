/**
 * Answers by somebody who means no good, or whose program is broken: none of them keeps the engine or the
 * probe waiting, shows a token, goes anywhere else, or makes more of itself than "nobody can say".
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { inspect } from "node:util";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { CLAUDE_PROVIDER, type Provider } from "@baton/core/oauth";
import { Secret } from "@baton/core/secret";
import { type ArmedSession, isArmed, parseEntry } from "@baton/core/session";
import { afterEach, describe, expect, test, vi } from "vitest";
import { httpEngine } from "../../packages/vps/src/engines/http.ts";
import { httpProbe } from "../../packages/vps/src/probe.ts";
import { drone } from "../parts/connect-proxy.ts";

/** A request has half of it. */
const REQUEST_LIMIT = 1_600;
const ACCESS = "sk-ant-oat01-CANARY-adversary-access";
const REFRESH = "sk-ant-ort01-CANARY-adversary-refresh";
const TOKENS = {
	access_token: "sk-ant-oat01-CANARY-new",
	refresh_token: "sk-ant-ort01-CANARY-new",
	expires_in: 28_800,
};
const PROFILE = { account: { uuid: "acct" } };

/** Bytes, whole; or what is done to the connection. */
type Manner = string | Buffer | ((socket: Socket) => void);

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
	for (const socket of sockets) socket.destroy();
	for (const server of servers.splice(0)) {
		const closed = once(server, "close");
		server.close();
		await closed;
	}
});

/** Serves each connection in this manner, once its request is there, and counts them. */
async function adversary(manner: Manner) {
	const seen: string[] = [];
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.on("error", () => {});
		socket.once("data", (bytes) => {
			seen.push(bytes.toString("latin1"));
			if (typeof manner === "function") manner(socket);
			else socket.end(manner);
		});
	});
	servers.push(server);
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function providerAt(url: string): Provider {
	const addresses = { tokenUrl: `${url}/token`, profileUrl: `${url}/profile` };
	return { ...CLAUDE_PROVIDER, ...addresses, userAgent: "baton/test" };
}

function login(): ArmedSession {
	const session = parseEntry({ accessToken: ACCESS, refreshToken: REFRESH, scopes: [] });
	if (!isArmed(session)) throw new Error("made to be armed");
	return session;
}

/** What engine and probe make of it, each asked once, within their time, and silent about it. */
async function judged(manner: Manner) {
	const spoken = ["log", "info", "warn", "error"].map((how) =>
		vi.spyOn(console, how as "log").mockImplementation(() => {}),
	);
	const { url, seen } = await adversary(manner);
	const provider = providerAt(url);
	const started = performance.now();
	const refreshed = await httpEngine(provider, REQUEST_LIMIT, Date.now).refresh(login());
	const probed = await httpProbe(provider, REQUEST_LIMIT, Date.now)(new Secret(ACCESS));
	expect(performance.now() - started).toBeLessThan(2 * REQUEST_LIMIT);
	expect(seen).toHaveLength(2);
	expect(JSON.stringify([refreshed, probed])).not.toContain("CANARY");
	expect(inspect([refreshed, probed], { depth: 9, showHidden: true })).not.toContain("CANARY");
	for (const spy of spoken) {
		expect(spy).not.toHaveBeenCalled();
		spy.mockRestore();
	}
	return { refreshed, probed };
}

const IN_DOUBT = { refreshed: { kind: "no-reply" }, probed: { kind: "unknown" } };

function answer(body: string | Buffer, ...headers: string[]): Buffer {
	const head = [
		"HTTP/1.1 200 OK",
		"content-type: application/json",
		`content-length: ${Buffer.byteLength(body)}`,
		...headers,
	];
	return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}

const GOOD = JSON.stringify({ ...TOKENS, ...PROFILE });
/** As good as any, once it is unfolded. */
const BOMB = Buffer.from(" ".repeat(20_000_000) + GOOD);
const HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/** A byte now and then, for ever. */
function trickle(text: string): Manner {
	return (socket) => {
		let at = 0;
		const timer = setInterval(() => {
			socket.write(text[at] ?? " ");
			at += 1;
		}, 50);
		socket.once("close", () => clearInterval(timer));
	};
}

describe("never the provider's word", () => {
	test.each<[string, Manner]>([
		["headers that come one byte at a time", trickle(answer(GOOD).toString())],
		[
			"a body that comes one byte at a time",
			(socket) => {
				socket.write(`${HEAD}content-length: ${GOOD.length}\r\n\r\n`);
				(trickle(GOOD) as (socket: Socket) => void)(socket);
			},
		],
		["headers that do not end", (socket) => drone(socket, `${HEAD}x-more: y\r\n`)],
		["one header that does not end", (socket) => drone(socket, `${HEAD}x: ${"y".repeat(1000)}`)],
		["a body that does not end", (socket) => drone(socket, `${HEAD}\r\n${" ".repeat(1000)}`)],
		[
			"chunks that do not end",
			(socket) => {
				socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
				drone(socket, "5\r\n     \r\n");
			},
		],
		[
			"all of it, and no end of the chunks",
			(socket) => {
				const size = GOOD.length.toString(16);
				socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n${size}\r\n${GOOD}\r\n`);
			},
		],
		["one 100 after another", (socket) => drone(socket, "HTTP/1.1 100 Continue\r\n\r\n")],
		["one 103 after another", (socket) => drone(socket, "HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n")],
		["silence", () => {}],
		["a body cut short", answer(GOOD).subarray(0, -5)],
		["a body longer than it says", `${HEAD}content-length: ${GOOD.length - 5}\r\n\r\n${GOOD}`],
		["two lengths", `${HEAD}content-length: 5\r\ncontent-length: ${GOOD.length}\r\n\r\n${GOOD}`],
		[
			"a length and chunks",
			`${HEAD}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
		],
		["a length below nothing", `${HEAD}content-length: -5\r\n\r\n${GOOD}`],
		["a length beyond all numbers", `${HEAD}content-length: 99999999999999999999\r\n\r\n${GOOD}`],
		["a page", answer("<!doctype html><title>CANARY</title>")],
		["JSON that is no object", answer('"CANARY"')],
		["JSON and more", answer(`${GOOD} CANARY`)],
		["two in one body", answer(GOOD + GOOD)],
		["JSON nested without end", answer("[".repeat(60_000))],
		["tokens of another type", answer('{"access_token":["CANARY"],"account":{"uuid":5}}')],
		["an empty token", answer('{"access_token":"","account":{"uuid":""}}')],
		["a token with a line break", answer('{"access_token":"CANARY\\r\\nx: y","account":null}')],
		["a body too large", answer(JSON.stringify({ ...TOKENS, ...PROFILE, x: "y".repeat(70_000) }))],
		["a bomb in gzip", answer(gzipSync(BOMB), "content-encoding: gzip")],
		["a bomb in deflate", answer(deflateSync(BOMB), "content-encoding: deflate")],
		["a bomb in brotli", answer(brotliCompressSync(BOMB), "content-encoding: br")],
		["a bomb in a bomb", answer(gzipSync(gzipSync(GOOD)), "content-encoding: gzip, gzip")],
		["what is not packed as it says", answer(GOOD, "content-encoding: gzip")],
		["half of what was packed", answer(gzipSync(GOOD).subarray(0, 30), "content-encoding: gzip")],
		["HTTP of another kind", "HTTP/2 200\r\n\r\n"],
		["a status of four digits", `HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n${GOOD}`],
		["an upgrade", "HTTP/1.1 101 Ok\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"],
		["200 and no body", `${HEAD}content-length: 0\r\n\r\n`],
		["204", "HTTP/1.1 204 No Content\r\n\r\n"],
	])("%s", async (_what, manner) => {
		expect(await judged(manner)).toEqual(IN_DOUBT);
	});
});

describe("all there, however it comes", () => {
	test.each<[string, Manner]>([
		["after a 100 and a 103", `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 H\r\n\r\n${answer(GOOD)}`],
		["packed", answer(gzipSync(GOOD), "content-encoding: gzip")],
		["up to the end of the connection", `${HEAD}\r\n${GOOD}`],
		["with a connection that stays", (socket) => socket.write(answer(GOOD))],
		["as the first of two answers", Buffer.concat([answer(GOOD), answer('{"error":"CANARY"}')])],
		["with keys of no account", answer(GOOD.replace("{", '{"__proto__":{"refresh_token":"x"},'))],
		["with a key twice", answer(GOOD.replace("{", '{"access_token":"old","expires_in":"x",'))],
		["after a byte order mark", answer(`\ufeff${GOOD}`)],
	])("%s", async (_what, manner) => {
		const { refreshed, probed } = await judged(manner);
		if (refreshed.kind !== "rotated") throw new Error(refreshed.kind);
		expect(refreshed.tokens.accessToken.reveal()).toBe(TOKENS.access_token);
		expect(refreshed.tokens.refreshToken?.reveal()).toBe(TOKENS.refresh_token);
		expect(refreshed.tokens.expiresInMs).toBe(28_800_000);
		expect(probed).toMatchObject({ kind: "good", account: "acct" });
	});
});

test.each([301, 302, 303, 307, 308])("a %d to another host is not followed", async (status) => {
	const elsewhere = await adversary(answer(GOOD));
	const { refreshed, probed } = await judged(
		`HTTP/1.1 ${status} Go\r\nlocation: ${elsewhere.url}/token\r\ncontent-length: 0\r\n\r\n`,
	);
	expect(refreshed).toMatchObject({ kind: "refused", why: "server" });
	expect(probed).toEqual({ kind: "unknown" });
	expect(elsewhere.seen).toEqual([]);
});

test("a death that is told in another tongue than JSON is none", async () => {
	for (const body of ["invalid_grant", "error=invalid_grant", '["invalid_grant"]', '{"error":1}']) {
		const text = `HTTP/1.1 400 Bad\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
		expect((await judged(text)).refreshed).toMatchObject({ kind: "refused", why: "request" });
	}
});

test("numbers beyond all sense leave a token that is refreshed within the hour", async () => {
	for (const number of ["1e400", "-1", "0", '"NaN"', "99999999999999999999", "[]", "28800000"]) {
		const body = `{"access_token":"a","expires_in":${number},"refresh_token_expires_in":${number}}`;
		const { refreshed } = await judged(answer(body));
		if (refreshed.kind !== "rotated") throw new Error(refreshed.kind);
		expect([refreshed.tokens.expiresInMs, refreshed.tokens.deadlineInMs]).toEqual([
			3_600_000,
			number === "28800000" ? 28_800_000_000 : undefined,
		]);
	}
});

describe("the clock of an answer", () => {
	const hourAhead = () => new Date(Date.now() + 3_600_000).toUTCString();

	test("is its Date", async () => {
		const { refreshed, probed } = await judged(answer(GOOD, `date: ${hourAhead()}`));
		for (const outcome of [refreshed, probed]) {
			const theirs = "theirNow" in outcome ? (outcome.theirNow ?? 0) : 0;
			expect(Math.abs(theirs - Date.now() - 3_600_000)).toBeLessThan(60_000);
		}
	});

	test("is not that of one that lay in a cache", async () => {
		const { refreshed } = await judged(answer(GOOD, `date: ${hourAhead()}`, "age: 5"));
		expect(refreshed).toMatchObject({ kind: "rotated", theirNow: undefined });
	});
});

test("a refusal of its scopes is no end: it is asked without them from then on", async () => {
	const body = '{"error":"invalid_scope"}';
	const refusal = `HTTP/1.1 400 No\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
	const { url, seen } = await adversary((socket) => {
		socket.end(seen.at(-1)?.includes('"scope"') ? refusal : answer(GOOD));
	});
	const engine = httpEngine(providerAt(url), REQUEST_LIMIT, Date.now);
	const session = { ...login(), scopes: ["user:inference", "user:gone"] };
	expect(await engine.refresh(session)).toMatchObject({ kind: "refused", why: "scope" });
	expect(await engine.refresh(session)).toMatchObject({ kind: "rotated" });
	expect(seen.map((text) => text.includes('"scope":"user:inference user:gone"'))).toEqual([
		true,
		false,
	]);
});
