/** Asks the process that owns the state, if one runs. */

import { connect, type Socket } from "node:net";
import { BatonError, type BatonErrorCode } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readJsonLines, writeJsonLine } from "@baton/io/json-lines";
import {
	type ControlReply,
	type ControlRequest,
	MESSAGE_MAX_BYTES,
	replySchema,
} from "./messages.ts";
import { WAITING_EVERY } from "./server.ts";

export type LastReply = Extract<ControlReply, { type: "done" | "status" }>;

/**
 * @param tell hears news as they come
 * @returns undefined if nobody owns the state
 * @throws BatonError what the owner failed with; `service-unavailable` if it went away meanwhile
 */
export async function askWatcher(
	address: string,
	request: ControlRequest,
	clock: Clock,
	tell: (text: string) => void,
	signal: AbortSignal,
): Promise<LastReply | undefined> {
	const socket = await connectTo(address);
	if (socket === undefined) return undefined;
	const stop = () => void socket.destroy();
	signal.addEventListener("abort", stop);
	try {
		await writeJsonLine(socket, request, { clock, timeoutMs: WAITING_EVERY });
		const limits = { clock, idleMs: 4 * WAITING_EVERY, maxLineBytes: MESSAGE_MAX_BYTES, signal };
		for await (const line of readJsonLines(socket, limits)) {
			const reply = parse(line);
			if (reply.type === "news") tell(reply.text);
			if (reply.type === "failed") throw failureOf(reply);
			if (reply.type === "done" || reply.type === "status") return reply;
		}
		throw goneAway();
	} catch (error) {
		signal.throwIfAborted();
		throw error instanceof BatonError && error.code === "host-unreachable" ? goneAway() : error;
	} finally {
		signal.removeEventListener("abort", stop);
		socket.destroy();
	}
}

function connectTo(address: string): Promise<Socket | undefined> {
	return new Promise((resolve) => {
		const socket = connect({ path: address });
		socket.once("connect", () => resolve(socket));
		// Nobody listens, or nothing is there.
		socket.once("error", () => resolve(undefined));
	});
}

function parse(line: Record<string, unknown>): ControlReply {
	const parsed = replySchema.safeParse(line);
	if (parsed.success) return parsed.data;
	throw new BatonError("bad-message", "what baton watch says is not understood", {
		hint: "restart it: it may be of another version",
	});
}

function failureOf({ code, message, hint }: Extract<ControlReply, { type: "failed" }>): BatonError {
	// A code of another version ends with exit code 1, like any fault.
	const known = code as BatonErrorCode;
	return new BatonError(known, message, hint === undefined ? {} : { hint });
}

function goneAway(): BatonError {
	return new BatonError("service-unavailable", "baton watch went away before it was done", {
		hint: "what is durable goes on when it runs again: baton status",
	});
}
