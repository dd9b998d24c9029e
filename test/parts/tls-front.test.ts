import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:tls";
import { afterAll, expect, test } from "vitest";
import { answerJson, startLoopbackServer } from "./loopback-server.ts";
import { removeAllScratch } from "./scratch.ts";
import { opensslMissing } from "./scratch-ca.ts";
import { startTlsFront, type TlsFront } from "./tls-front.ts";

afterAll(removeAllScratch);

/** What a client of HTTPS_PROXY gets: the proxy's status, and through the tunnel the server's answer. */
async function get(front: TlsFront, host: string, path: string) {
	const asked = request(front.proxyUrl, { method: "CONNECT", path: `${host}:443` }).end();
	const [response, socket] = await new Promise<[IncomingMessage, Socket]>((resolve) =>
		asked.once("connect", (reply, tunnel) => resolve([reply, tunnel])),
	);
	if (response.statusCode !== 200) {
		socket.destroy();
		return { proxy: response.statusCode, said: "" };
	}
	const ca = readFileSync(front.caFile);
	const secure = connect({ socket, servername: host, ca });
	secure.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
	let said = "";
	for await (const chunk of secure) said += String(chunk);
	return { proxy: 200, said };
}

test.skipIf(opensslMissing() !== undefined)(
	"a front answers for the names it stands for, and takes nobody elsewhere",
	async () => {
		const server = await startLoopbackServer(async (_q, response) =>
			answerJson(response, 200, { here: true }),
		);
		const front = await startTlsFront({ "api.example.test/profile": `${server.url}/inside` });
		try {
			const good = await get(front, "api.example.test", "/profile?x=1");
			expect(good.said).toMatch(/^HTTP\/1.1 200 .*"here":true/s);
			const unknown = await get(front, "api.example.test", "/other");
			expect(unknown.said).toMatch(/^HTTP\/1.1 404/);
			expect(await get(front, "elsewhere.example.test", "/profile")).toMatchObject({ proxy: 403 });
			expect((await fetch(`${front.proxyUrl}/profile`)).status).toBe(403);
			expect(front.requests()).toEqual([
				"GET api.example.test/profile",
				"GET api.example.test/other",
			]);
			expect(front.refused()).toEqual(["CONNECT elsewhere.example.test:443", "GET /profile"]);
		} finally {
			await front.close();
			await server.close();
		}
	},
);
