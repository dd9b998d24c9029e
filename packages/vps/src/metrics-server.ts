/** Serves the figures over HTTP to this very machine: `GET /metrics`, and nothing else. */

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SECOND } from "@baton/core/duration";
import { diskError } from "@baton/io/disk-error";

export interface MetricsServer {
	readonly port: number;
	close(): Promise<void>;
}

const LOOPBACK = "127.0.0.1";
const TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * @param port 0 for any that is free
 * @throws BatonError `disk-failed` where the port cannot be had
 */
export async function serveMetrics(
	port: number,
	text: () => Promise<string>,
): Promise<MetricsServer> {
	const server = createServer((request, response) => void answer(request, response, text));
	server.requestTimeout = 10 * SECOND;
	server.headersTimeout = 10 * SECOND;
	server.maxConnections = 16;
	try {
		server.listen(port, LOOPBACK);
		await once(server, "listening");
	} catch (error) {
		throw diskError("cannot listen on", `${LOOPBACK}:${port}`, error);
	}
	// Whatever befalls it later is no matter of the custody.
	server.on("error", () => {});
	return {
		port: (server.address() as AddressInfo).port,
		async close() {
			const closed = once(server, "close");
			server.close();
			server.closeAllConnections();
			await closed;
		},
	};
}

async function answer(
	{ method, url = "" }: IncomingMessage,
	response: ServerResponse,
	text: () => Promise<string>,
): Promise<void> {
	const isAsked = (method === "GET" || method === "HEAD") && url.split("?")[0] === "/metrics";
	if (!isAsked) return void response.writeHead(404).end();
	try {
		const body = await text();
		response.writeHead(200, { "content-type": TYPE }).end(method === "HEAD" ? undefined : body);
	} catch {
		response.writeHead(500).end();
	}
}
