/**
 * Sends one HTTP request, once, on a connection of its own: no pool, no retry, no redirect, no cache.
 *
 * Node's `fetch` is not used: it may send a request again on a fresh connection, and its errors do not
 * tell a request that never left from one whose answer was lost.
 */

import { type ClientRequest, type IncomingMessage, request as startRequest } from "node:http";
import type { Socket } from "node:net";
import type { HttpRequest, HttpResponse, NotSentReason } from "@baton/core/oauth";
import { Secret } from "@baton/core/secret";
import { connect, reasonOf } from "./connect.ts";
import { readBody } from "./read-body.ts";
import { type Route, STRAIGHT } from "./route.ts";

export type SendOutcome =
	/** A status line and headers came; the body only if it came whole and was short enough. */
	| { readonly kind: "response"; readonly response: HttpResponse }
	/** Not one byte of the request left this machine. */
	| { readonly kind: "not-sent"; readonly why?: NotSentReason }
	/** Some of it may have left, and no answer came. */
	| { readonly kind: "no-reply" };

export interface SendLimits {
	/** Within which a connection must have come about, ms; else only in time for all the rest. */
	readonly connectMs?: number;
	/** From the first packet to the last byte of the answer, ms. */
	readonly totalMs: number;
	/** A longer body is dropped, counted as it arrives and again as it unfolds. */
	readonly bodyBytes: number;
}

/** Never throws: what goes wrong is an outcome. */
export async function sendRequest(
	request: HttpRequest,
	limits: SendLimits,
	route: Route = STRAIGHT,
): Promise<SendOutcome> {
	const deadline = new AbortController();
	const timer = setTimeout(() => deadline.abort(), limits.totalMs);
	const opening = setTimeout(() => deadline.abort(), limits.connectMs ?? limits.totalMs);
	let socket: Socket | undefined;
	try {
		socket = await connect(new URL(request.url), route, deadline.signal);
	} catch (error) {
		clearTimeout(timer);
		const why = reasonOf(error);
		return { kind: "not-sent", ...(why === undefined ? {} : { why }) };
	} finally {
		clearTimeout(opening);
	}
	try {
		const answer = await exchange(socket, request);
		const body = await readBody(answer, limits.bodyBytes);
		const { "retry-after": retryAfter, date: written, age } = answer.headers;
		const date = age === undefined ? written : undefined;
		const status = answer.statusCode ?? 0;
		return { kind: "response", response: { status, retryAfter, date, body } };
	} catch {
		return { kind: "no-reply" };
	} finally {
		clearTimeout(timer);
		socket.destroy();
	}
}

/** Resolves with the answer's head. An answer of the kind 1xx is no answer. */
function exchange(socket: Socket, request: HttpRequest): Promise<IncomingMessage> {
	return new Promise((resolve, reject) => {
		const outgoing = open(socket, request);
		outgoing.once("response", resolve);
		outgoing.once("error", reject);
		outgoing.once("close", () => reject(new Error("the connection was closed without an answer")));
		// After the answer the socket is ended while the request may still be thought to be busy.
		outgoing.on("error", () => {});
		outgoing.end(request.body?.reveal());
	});
}

function open(socket: Socket, request: HttpRequest): ClientRequest {
	const url = new URL(request.url);
	const { body } = request;
	return startRequest({
		// With a connection given, no agent has a part in this.
		createConnection: () => socket,
		method: request.method,
		path: `${url.pathname}${url.search}`,
		setHost: false,
		headers: {
			...revealAll(request.headers),
			host: url.host,
			connection: "close",
			"accept-encoding": "identity",
			...(body === undefined ? {} : { "content-length": Buffer.byteLength(body.reveal()) }),
		},
	});
}

function revealAll(headers: HttpRequest["headers"]): Record<string, string> {
	const entries = Object.entries(headers);
	return Object.fromEntries(
		entries.map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]),
	);
}
