import { type AddressInfo, createServer, type Server } from "node:net";
import { gzipSync } from "node:zlib";
import { CLAUDE_PROVIDER, type HttpRequest, type Provider } from "@baton/core/oauth";
import { Secret } from "@baton/core/secret";
import { afterEach, describe, expect, test } from "vitest";
import type { Engine } from "../../packages/vps/src/engines/engine.ts";
import { httpEngine } from "../../packages/vps/src/engines/http.ts";
import { sendRequest } from "../../packages/vps/src/engines/send-request.ts";
import { engineContract } from "./engine-contract.ts";

let engine: Engine;

for (const body of ["json", "form"] as const) {
	engineContract({
		name: `http, ${body}`,
		make({ tokenUrl, profileUrl, clientId }, requestLimit) {
			const provider: Provider = { tokenUrl, profileUrl, clientId, body, userAgent: "baton/test" };
			engine = httpEngine(provider, requestLimit, Date.now);
			return engine;
		},
		restart: () => engine,
		requestLimit: 2_000,
		leftBehind: () => "",
		end: () => {},
	});
}

describe("one request on the wire", () => {
	const opened: Server[] = [];
	afterEach(() => {
		for (const server of opened.splice(0)) server.close();
	});

	/** A server that answers each connection's first bytes with this, and counts connections. */
	async function answering(answer: Buffer | string | "reset" | "silence") {
		const seen: string[] = [];
		const server = createServer((socket) => {
			socket.on("error", () => {});
			socket.once("data", (bytes) => {
				seen.push(bytes.toString("latin1"));
				if (answer === "reset") socket.resetAndDestroy();
				else if (answer !== "silence") socket.end(answer);
			});
		});
		opened.push(server);
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`, seen };
	}

	const post = (url: string): HttpRequest => ({
		method: "POST",
		url,
		headers: { "content-type": "application/json", "user-agent": "baton/test" },
		body: new Secret("{}"),
	});
	const LIMITS = { connectMs: 500, totalMs: 500, bodyBytes: 1000 };

	function packed(text: string): Buffer {
		const body = gzipSync(text);
		const head = `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${body.length}\r\n\r\n`;
		return Buffer.concat([Buffer.from(head), body]);
	}

	test("a packed answer is unpacked", async () => {
		const { url } = await answering(packed('{"a":1}'));
		const sent = await sendRequest(post(url), LIMITS);
		expect(sent).toMatchObject({ kind: "response", response: { status: 200, body: '{"a":1}' } });
	});

	test("a packed answer that unfolds beyond the limit is dropped", async () => {
		const { url } = await answering(packed("x".repeat(100_000)));
		const sent = await sendRequest(post(url), LIMITS);
		expect(sent).toMatchObject({ kind: "response", response: { status: 200, body: undefined } });
	});

	test("an unknown packing is not read", async () => {
		const { url } = await answering(
			"HTTP/1.1 200 OK\r\ncontent-encoding: zstd\r\ncontent-length: 2\r\n\r\n{}",
		);
		const sent = await sendRequest(post(url), LIMITS);
		expect(sent).toMatchObject({ kind: "response", response: { body: undefined } });
	});

	test.each(["reset", "silence", "", "no http at all\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"])(
		"%j after the request is no reply, and the request went out once",
		async (answer) => {
			const { url, seen } = await answering(answer);
			expect(await sendRequest(post(url), LIMITS)).toEqual({ kind: "no-reply" });
			expect(seen).toHaveLength(1);
		},
	);

	test("an upgrade and endless headers are no reply", async () => {
		for (const answer of [
			"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
			`HTTP/1.1 200 OK\r\n${"x-long: 0123456789\r\n".repeat(5000)}\r\n`,
		]) {
			const { url } = await answering(answer);
			expect(await sendRequest(post(url), LIMITS)).toEqual({ kind: "no-reply" });
		}
	});

	test("the request names itself, asks for plain text and ends the connection", async () => {
		const { url, seen } = await answering("HTTP/1.1 204 No Content\r\n\r\n");
		await sendRequest(post(url), LIMITS);
		expect(seen[0]).toMatch(/^POST \/token HTTP\/1\.1\r\n/);
		expect(seen[0]).toContain("user-agent: baton/test\r\n");
		expect(seen[0]).toContain("accept-encoding: identity\r\n");
		expect(seen[0]).toContain("connection: close\r\n");
	});

	test("no such name and no handshake were never sent", async () => {
		const plain = await answering("HTTP/1.1 200 OK\r\n\r\n");
		const unreachable = ["http://nowhere.invalid/", plain.url.replace("http:", "https:")];
		for (const url of unreachable) {
			expect(await sendRequest(post(url), LIMITS)).toEqual({ kind: "not-sent" });
		}
	});

	test("a listener that never shakes hands was never sent to", async () => {
		const { url } = await answering("silence");
		const started = performance.now();
		const patient = { ...LIMITS, totalMs: 60_000 };
		const sent = await sendRequest(post(url.replace("http:", "https:")), patient);
		expect(sent).toEqual({ kind: "not-sent" });
		expect(performance.now() - started).toBeLessThan(2000);
	});
});

test("the provider's own addresses are secure", () => {
	expect(CLAUDE_PROVIDER.tokenUrl).toMatch(/^https:/);
	expect(CLAUDE_PROVIDER.profileUrl).toMatch(/^https:/);
});
