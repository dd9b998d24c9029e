/**
 * Stands before loopback servers under names of the wide world: an HTTP proxy on 127.0.0.1 that takes
 * CONNECT to those names alone, speaks TLS with a certificate of a scratch authority, and passes each
 * request on. It opens no connection but to the addresses it is given, so a program whose only way out
 * it is reaches nobody else.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { readBody } from "./loopback-server.ts";
import { makeScratch } from "./scratch.ts";
import { makeScratchCa } from "./scratch-ca.ts";

export interface TlsFront {
	/** For `HTTPS_PROXY`. */
	readonly proxyUrl: string;
	/** For `NODE_EXTRA_CA_CERTS`. */
	readonly caFile: string;
	/** What came through, in order, as `POST name/path`. */
	requests(): string[];
	/** What was asked for elsewhere, and refused, in order. */
	refused(): string[];
	close(): Promise<void>;
}

/** @param routes by `name/path`, without a query: the address that answers in its place */
export async function startTlsFront(routes: Readonly<Record<string, string>>): Promise<TlsFront> {
	const scratch = makeScratch();
	const names = [...new Set(Object.keys(routes).map((route) => route.split("/")[0] ?? ""))];
	const { caFile, key, cert } = makeScratchCa(scratch, names);
	const requests: string[] = [];
	const refused: string[] = [];
	const sockets = new Set<Socket>();
	const inside = createTlsServer({ key, cert }, (request, response) => {
		const route = routeOf(request);
		requests.push(`${request.method} ${route}`);
		passOn(routes[route], request, response).catch(() => response.destroy());
	});
	// Whoever asks without CONNECT asks for a name in clear.
	const proxy = createServer((request, response) => {
		refused.push(`${request.method} ${request.url}`);
		response.writeHead(403).end();
	});
	proxy.on("connection", (socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
		socket.once("close", () => sockets.delete(socket));
	});
	proxy.on("connect", (request: IncomingMessage, socket: Socket) => {
		if (!names.some((name) => request.url === `${name}:443`)) {
			refused.push(`CONNECT ${request.url}`);
			return void socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
		}
		socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
		inside.emit("connection", socket);
	});
	proxy.listen(0, "127.0.0.1");
	await once(proxy, "listening");
	return {
		proxyUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
		caFile,
		requests: () => [...requests],
		refused: () => [...refused],
		async close() {
			const closed = once(proxy, "close");
			proxy.close();
			for (const socket of sockets) socket.destroy();
			await closed;
			scratch.remove();
		},
	};
}

function routeOf({ headers, url = "/" }: IncomingMessage): string {
	return `${headers.host?.replace(/:443$/, "")}${url.split("?")[0]}`;
}

/** A name that is stood for, with a path that nobody answers, is not found. */
async function passOn(
	target: string | undefined,
	request: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const body = await readBody(request);
	if (target === undefined) return void response.writeHead(404).end();
	const { authorization, "content-type": type, "user-agent": agent } = request.headers;
	const headers = { authorization, "content-type": type, "user-agent": agent };
	const sent = Object.entries(headers).filter(([, value]) => value !== undefined);
	const reply = await fetch(target, {
		method: request.method ?? "GET",
		headers: Object.fromEntries(sent) as Record<string, string>,
		...(body === "" ? {} : { body }),
	});
	const text = await reply.text();
	const contentType = reply.headers.get("content-type") ?? "application/json";
	response.writeHead(reply.status, { "content-type": contentType });
	response.end(text);
}
