/**
 * The forced command of a paired device's key: a pipe from its SSH channel to the service's device
 * socket, bounded in size and time. It understands nothing; every check is the service's.
 */

import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { MINUTE, SECOND } from "@baton/core/duration";
import { EXIT, type ExitCode } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readLines } from "@baton/io/json-lines";
import { formatDeviceHeader } from "./device-header.ts";
import { requestIdOf } from "./request-id.ts";
import { DEVICE_SOCKET } from "./state-folder.ts";

export interface AcceptOptions {
	readonly device: string;
	readonly stateFolder: string;
	readonly input: Readable;
	readonly output: Writable;
	readonly clock: Clock;
	/** Tries to bring the service up; resolves in bounded time, come what may. */
	startService(): Promise<void>;
}

/** A little more than the service's own limit, which is the one to be met. */
const LONGEST_STAY = 2 * MINUTE + 10 * SECOND;
/** Sixty-four requests of 64 KiB, and as much coming back. */
const MOST_BYTES = 64 * 64 * 1024 + 64 * 1024;

/** @throws BatonError `usage` for a device's name that is none */
export async function accept(options: AcceptOptions): Promise<ExitCode> {
	const header = formatDeviceHeader(options.device);
	const socket = await reachService(options);
	if (socket === undefined) return await sayUnavailable(options);
	const timer = setTimeout(() => socket.destroy(), LONGEST_STAY);
	try {
		socket.write(header);
		await pipe(options, socket);
		return EXIT.well;
	} catch {
		return EXIT.hostUnreachable;
	} finally {
		clearTimeout(timer);
		socket.destroy();
	}
}

/** Until the service closes: it does so after its last answer, when we close, or at a limit. */
async function pipe({ input, output }: AcceptOptions, socket: Socket): Promise<void> {
	bound(input, socket);
	bound(socket, socket);
	output.once("error", () => socket.destroy());
	input.pipe(socket);
	socket.pipe(output, { end: false });
	await finished(socket, { writable: false });
}

function bound(stream: Readable, socket: Socket): void {
	let bytes = 0;
	stream.on("data", (chunk: Buffer) => {
		bytes += chunk.length;
		if (bytes > MOST_BYTES) socket.destroy(new Error("too much"));
	});
}

async function reachService(options: AcceptOptions): Promise<Socket | undefined> {
	const path = join(options.stateFolder, DEVICE_SOCKET);
	const socket = await tryConnect(path);
	if (socket !== undefined) return socket;
	await options.startService();
	return await tryConnect(path);
}

function tryConnect(path: string): Promise<Socket | undefined> {
	return new Promise((resolve) => {
		const socket = connect({ path, allowHalfOpen: true });
		socket.once("error", () => resolve(undefined));
		socket.once("connect", () => resolve(socket));
	});
}

/** Every request gets an answer that tells the device to keep what it has. */
async function sayUnavailable({ input, output, clock }: AcceptOptions): Promise<ExitCode> {
	const lines = readLines(input, { clock, idleMs: 10 * SECOND, totalMs: MINUTE });
	try {
		for await (const line of lines) {
			const id = requestIdOf(line);
			const reason = "the service on this host is not running";
			output.write(`${JSON.stringify({ v: 1, id, type: "unavailable", reason })}\n`);
		}
	} catch {
		// The device said something endless, or nothing: it is told all the same by how this ends.
	}
	return EXIT.hostUnreachable;
}
