import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers one request; a rejection ends the connection without an answer. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** An HTTP server on 127.0.0.1 that can refuse connections for a while and come back. */
export interface LoopbackServer {
	readonly port: number;
	/** `http://127.0.0.1:PORT`, without a slash at the end. */
	readonly url: string;
	/** Ends every connection; new ones are refused until `up`. */
	down(): Promise<void>;
	/** Listens again on the same port. Throws when another program has taken it meanwhile. */
	up(): Promise<void>;
	/** Ends every connection and the listener at once. Safe to call twice. */
	close(): Promise<void>;
}

/** A request body may hold this many bytes; a longer one ends the connection. */
const BODY_LIMIT = 64 * 1024;

/** Starts a server; `port` 0 takes a free one. */
export async function startLoopbackServer(handler: Handler, port = 0): Promise<LoopbackServer> {
	const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 });
	// An idle connection closed by the server looks to a client like a lost reply.
	server.keepAliveTimeout = 120_000;
	server.maxConnections = 256;
	server.on("request", (request, response) => {
		handler(request, response).catch(() => response.destroy());
	});
	await listen(server, port);
	const taken = (server.address() as AddressInfo).port;
	return {
		port: taken,
		url: `http://127.0.0.1:${taken}`,
		down: () => endListener(server),
		up: () => listen(server, taken),
		close: () => endListener(server),
	};
}

/** The whole body. Throws when it is longer than 64 KiB or cut short. */
export async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of request) {
		length += (chunk as Buffer).length;
		if (length > BODY_LIMIT) throw new Error("request body too long");
		chunks.push(chunk as Buffer);
	}
	return Buffer.concat(chunks).toString("utf8");
}

/** Answers with JSON and says how many bytes there are. */
export function answerJson(
	response: ServerResponse,
	status: number,
	body: unknown,
	headers: Record<string, string> = {},
): void {
	const text = JSON.stringify(body);
	response.writeHead(status, {
		"content-type": "application/json",
		"content-length": Buffer.byteLength(text),
		"cache-control": "no-store",
		...headers,
	});
	response.end(text);
}

/** The token of an `Authorization: Bearer` header. */
export function bearerOf(request: IncomingMessage): string | undefined {
	return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
}

async function listen(server: Server, port: number): Promise<void> {
	if (server.listening) return;
	server.listen(port, "127.0.0.1");
	await once(server, "listening");
}

async function endListener(server: Server): Promise<void> {
	if (!server.listening) return;
	const closed = once(server, "close");
	server.close();
	server.closeAllConnections();
	await closed;
}
