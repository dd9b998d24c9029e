/** The socket on which the process that owns the state is asked. */

import { chmod, unlink } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { diskError, errnoOf } from "@baton/io/disk-error";
import { readJsonLines, writeJsonLine } from "@baton/io/json-lines";
import {
	type ControlReply,
	type ControlRequest,
	MESSAGE_MAX_BYTES,
	requestSchema,
} from "./messages.ts";

/** Answers one request: tells news as they come, and ends with the reply. Errors are passed on. */
export type AnswerControl = (
	request: ControlRequest,
	tell: (text: string) => void,
	signal: AbortSignal,
) => Promise<ControlReply>;

export interface ControlServer {
	close(): Promise<void>;
}

/** From connecting to a whole request. */
const REQUEST_WITHIN = 5 * SECOND;
const WRITE_WITHIN = 5 * SECOND;
/** How often one who waits hears that we are still there. */
export const WAITING_EVERY = 15 * SECOND;
const CONNECTIONS_MAX = 16;

/**
 * Serves until closed. The folder's mode, 0700, keeps others out; only one process may own it, so what
 * lies at the address is a dead one's.
 *
 * @throws BatonError `disk-failed` if it cannot listen there
 */
export async function serveControl(
	address: string,
	clock: Clock,
	answer: AnswerControl,
): Promise<ControlServer> {
	const sockets = new Set<Socket>();
	const server = createServer((socket) => {
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		void converse(socket, clock, answer);
	});
	server.maxConnections = CONNECTIONS_MAX;
	await listen(server, address);
	return {
		async close() {
			const closed = new Promise((resolve) => server.close(resolve));
			for (const socket of sockets) socket.destroy();
			await closed;
		},
	};
}

async function listen(server: Server, address: string): Promise<void> {
	try {
		if (process.platform !== "win32") await unlink(address).catch(passOverMissing);
		await new Promise<void>((resolve, reject) => {
			server.once("error", reject);
			server.listen({ path: address, exclusive: true }, resolve);
		});
		if (process.platform !== "win32") await chmod(address, 0o600);
	} catch (error) {
		throw diskError("cannot listen on", address, error);
	}
	server.on("error", () => undefined);
}

function passOverMissing(error: unknown): void {
	if (errnoOf(error) !== "ENOENT") throw error;
}

async function converse(socket: Socket, clock: Clock, answer: AnswerControl): Promise<void> {
	const gone = new AbortController();
	socket.on("error", () => undefined);
	socket.once("close", () => gone.abort());
	const say = (reply: ControlReply) =>
		writeJsonLine(socket, reply, { clock, timeoutMs: WRITE_WITHIN }).catch(() => socket.destroy());
	try {
		const request = await readRequest(socket, clock);
		// Read on, so that its end is noticed.
		socket.resume();
		keepTelling(say, clock, gone.signal);
		await say(await answer(request, (text) => void say({ type: "news", text }), gone.signal));
	} catch (error) {
		await say(failure(error));
	} finally {
		gone.abort();
		socket.end();
	}
}

async function readRequest(socket: Socket, clock: Clock): Promise<ControlRequest> {
	const limits = {
		clock,
		idleMs: REQUEST_WITHIN,
		totalMs: REQUEST_WITHIN,
		maxLineBytes: MESSAGE_MAX_BYTES,
	};
	for await (const line of readJsonLines(socket, limits)) {
		const parsed = requestSchema.safeParse(line);
		if (parsed.success) return parsed.data;
		break;
	}
	throw new BatonError("bad-message", "the request is not understood", {
		hint: "restart baton watch: it may be of another version",
	});
}

function keepTelling(
	say: (reply: ControlReply) => Promise<unknown>,
	clock: Clock,
	gone: AbortSignal,
): void {
	const next = async () => {
		for (;;) {
			await clock.sleep(WAITING_EVERY, gone);
			await say({ type: "waiting" });
		}
	};
	next().catch(() => undefined);
}

function failure(error: unknown): ControlReply {
	if (!(error instanceof BatonError)) {
		return { type: "failed", code: "internal", message: "an unforeseen fault in baton watch" };
	}
	const { code, message, hint } = error;
	return { type: "failed", code, message, ...(hint === undefined ? {} : { hint }) };
}
