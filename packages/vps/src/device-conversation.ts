/**
 * What a paired device may say: a header that `batond accept` wrote, then requests of the hand-over,
 * each answered before the next is read. Nothing here reads or gives away a token.
 */

import type { Socket } from "node:net";
import { MINUTE, SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import {
	type Answer,
	type AnswerBody,
	formatLine,
	PROTOCOL_VERSION,
	parseRequest,
} from "@baton/core/protocol";
import type { Clock } from "@baton/io/clock";
import { readLines } from "@baton/io/json-lines";
import { VERSION } from "@baton/io/version";
import type { Custodian, Reply } from "./custodian.ts";
import type { DeviceBook } from "./device-book.ts";
import { parseDeviceHeader } from "./device-header.ts";
import { endAndClose } from "./end-and-close.ts";
import { NO_ID, requestIdOf } from "./request-id.ts";

export interface DeviceConversationOptions {
	readonly clock: Clock;
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly devices: DeviceBook;
	/** Aborted when the service stops: nothing more is read. */
	readonly stopping: AbortSignal;
	readonly limits?: Partial<ConversationLimits>;
}

export interface ConversationLimits {
	/** Between two lines, ms. */
	readonly idleMs: number;
	/** Of all, answers included, ms. */
	readonly totalMs: number;
	readonly requests: number;
}

const LIMITS: ConversationLimits = { idleMs: 30 * SECOND, totalMs: 2 * MINUTE, requests: 64 };

/** Ends the socket, whatever comes of it. @throws only what is a fault of this program */
export async function converse(socket: Socket, options: DeviceConversationOptions): Promise<void> {
	const limits = { ...LIMITS, ...options.limits };
	const timer = setTimeout(() => socket.destroy(), limits.totalMs);
	socket.once("close", () => clearTimeout(timer));
	try {
		await answerAll(socket, options, limits);
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		// Anything else is a silence or a broken line, and there is nobody to tell.
		if (error.code === "bad-message") send(socket, NO_ID, refused(error.message));
	} finally {
		endAndClose(socket);
	}
}

async function answerAll(
	socket: Socket,
	{ clock, custodians, devices, stopping }: DeviceConversationOptions,
	{ idleMs, totalMs, requests }: ConversationLimits,
): Promise<void> {
	const lines = readLines(socket, { clock, idleMs, totalMs, signal: stopping });
	let device: string | undefined;
	let count = 0;
	for await (const line of lines) {
		if (device === undefined) {
			device = parseDeviceHeader(line);
			if (!(await devices.admits(device))) return send(socket, NO_ID, refused(FORGOTTEN));
			socket.once("close", devices.attach(device, socket));
			continue;
		}
		// What it had sent before it was forgotten may still lie here.
		if (devices.isForgotten(device)) return;
		// Nobody waits for the disk on account of it.
		void devices.spoke(device);
		count += 1;
		if (count > requests) return send(socket, requestIdOf(line), refused("too many requests"));
		const { id, reply } = await replyTo(line, device, custodians);
		send(socket, id, reply.body, reply.disarm);
		if (reply.body.type === "refused") return;
	}
}

const FORGOTTEN = "this host has forgotten this device";

async function replyTo(
	line: string,
	device: string,
	custodians: ReadonlyMap<string, Custodian>,
): Promise<{ id: string; reply: Reply }> {
	try {
		const request = parseRequest(line);
		const custodian = custodians.get(request.name);
		const reply =
			custodian === undefined
				? { body: refused(`this host keeps no login named ${request.name}`), disarm: [] }
				: await custodian.request(device, request);
		return { id: request.id, reply };
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { id: requestIdOf(line), reply: { body: refused(error.message), disarm: [] } };
	}
}

function send(socket: Socket, id: string, body: AnswerBody, disarm: Reply["disarm"] = []): void {
	if (!socket.writable) return;
	const version = body.type === "status" ? { version: VERSION } : {};
	const answer = { v: PROTOCOL_VERSION, id, ...body, ...version, disarm: [...disarm] } as Answer;
	socket.write(formatLine(answer));
}

function refused(reason: string): AnswerBody {
	return { type: "refused", reason: reason.slice(0, 200) };
}

/** For a device that came when too many were here. */
export function turnDeviceAway(socket: Socket): void {
	send(socket, NO_ID, { type: "unavailable", reason: "too many connections" });
	endAndClose(socket);
}
