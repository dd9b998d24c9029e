/**
 * Sees to it that one process serves a state folder.
 *
 * The sign of it is a listening Unix socket in the folder (on Windows a named pipe): the system itself
 * ends that with its process, however it dies, and it tells truly across containers and after process
 * ids were given out again, which a file with a process id does not.
 */
import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join, resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import { type Clock, systemClock } from "./clock.ts";
import { diskError, errnoOf } from "./disk-error.ts";
import { type FileIdentity, fileNumber, identify, removeIfSame } from "./file-identity.ts";
import { assertOwnFolder } from "./private-folder.ts";

export interface SingleInstance {
	/**
	 * Claims the folder anew where the sign of it was removed.
	 *
	 * @throws BatonError `already-running` if another serves it by now; `unsafe-path`, `disk-failed`
	 */
	look(): Promise<void>;
	/** Lets another serve the folder. The end of the process does the same. */
	release(): Promise<void>;
}

export interface SingleInstanceOptions {
	/** The longest wait for a holder to say its process id, ms; 1 s unless given. */
	answerMs?: number;
	/** The machine's own unless given. */
	clock?: Clock;
}

/** Starts of others that may come between; each of them ends this one or is dead. */
const TRIES = 5;
/** Between two looks at a socket that refuses: a holder binds it just before it listens. Ms. */
const SETTLE_MS = 50;

/**
 * @param folder the state folder, which must exist and be the caller's own
 * @throws BatonError `already-running` with the holder's process id; `unsafe-path`; `disk-failed`
 */
export async function claimSingleInstance(
	folder: string,
	options: SingleInstanceOptions = {},
): Promise<SingleInstance> {
	await assertOwnFolder(folder);
	const address = await addressIn(resolve(folder));
	const place: Place = { address, folder, options };
	try {
		return held(await listenAt(place), place);
	} catch (error) {
		await address.folder?.close();
		throw error;
	}
}

interface Place {
	address: Address;
	folder: string;
	options: SingleInstanceOptions;
}

interface Listening {
	server: Server;
	/** Of its socket; undefined for a pipe. */
	number: string | undefined;
}

async function listenAt({ address, folder, options }: Place): Promise<Listening> {
	try {
		for (let n = 0; n < TRIES; n++) {
			const server = await listen(address);
			if (server !== undefined) return { server, number: numberAt(address) };
			await clearDead(address, folder, options);
		}
	} catch (error) {
		throw diskError("cannot listen in", folder, error);
	}
	throw alreadyRunning(folder, undefined);
}

function numberAt({ path }: Address): string | undefined {
	return process.platform === "win32" ? undefined : fileNumber(path);
}

interface Address {
	/** What is listened on and connected to. */
	path: string;
	/** Kept open because `path` goes through it. */
	folder?: FileHandle;
}

/** The longest path of a Unix socket that every system takes, bytes. */
const LONGEST_PATH = 103;

async function addressIn(folder: string): Promise<Address> {
	if (process.platform === "win32") {
		const name = createHash("sha256").update(folder.toLowerCase()).digest("hex").slice(0, 32);
		return { path: `\\\\.\\pipe\\baton-${name}` };
	}
	const path = join(folder, "instance.sock");
	if (Buffer.byteLength(path) <= LONGEST_PATH) return { path };
	if (process.platform !== "linux") {
		throw new BatonError("unsafe-path", `the path of ${path} is too long for a socket`, {
			hint: "name a state folder with a shorter path",
		});
	}
	const handle = await open(folder, "r");
	return { path: `/proc/self/fd/${handle.fd}/instance.sock`, folder: handle };
}

/** Undefined if the address is taken, be it by a dead process. */
function listen({ path }: Address): Promise<Server | undefined> {
	return new Promise((resolve, reject) => {
		const server = createServer((socket) => {
			socket.on("error", () => {});
			socket.write(`${process.pid}\n`);
			socket.destroySoon();
		});
		server.once("error", (error) => {
			if (errnoOf(error) === "EADDRINUSE") resolve(undefined);
			else reject(error);
		});
		server.listen({ path, exclusive: true }, () => {
			// What fails after this is one caller's connection, not the claim.
			server.on("error", () => {});
			server.unref();
			resolve(server);
		});
	});
}

function held(first: Listening, place: Place): SingleInstance {
	let listening: Listening | undefined = first;
	return {
		async look() {
			const { address, folder, options } = place;
			if (listening !== undefined && numberAt(address) === listening.number) return;
			await clearDead(address, folder, options);
			const before = listening;
			listening = undefined;
			await stopListening(before, address);
			listening = await listenAt(place);
		},
		async release() {
			await stopListening(listening, place.address);
			await place.address.folder?.close();
		},
	};
}

/** A server that closes removes whatever lies in its socket's place: another's socket must not go that way. */
async function stopListening(listening: Listening | undefined, address: Address): Promise<void> {
	if (listening === undefined) return;
	const now = numberAt(address);
	if (now !== undefined && now !== listening.number) return;
	await new Promise((resolve) => listening.server.close(resolve));
}

async function clearDead(
	{ path }: Address,
	folder: string,
	{ answerMs = 1000, clock = systemClock }: SingleInstanceOptions,
): Promise<void> {
	const seen = process.platform === "win32" ? undefined : socketAt(path);
	for (let n = 0; n < 3; n++) {
		const holder = await ask(path, answerMs, clock);
		if (holder === "gone") return;
		if (holder !== "dead") throw alreadyRunning(folder, holder.pid);
		await clock.sleep(SETTLE_MS);
	}
	if (seen !== undefined) removeIfSame(path, seen);
}

function socketAt(path: string): FileIdentity | undefined {
	const stat = lstatSync(path, { throwIfNoEntry: false });
	if (stat === undefined || stat.isSocket()) return identify(path);
	throw new BatonError("unsafe-path", `${path} is not a socket`, { hint: "move it away" });
}

/** `dead`: nobody listens on it; `gone`: it is not there any more. */
async function ask(
	path: string,
	answerMs: number,
	clock: Clock,
): Promise<{ pid: number | undefined } | "dead" | "gone"> {
	const socket = connect({ path });
	const over = new AbortController();
	try {
		return await new Promise((resolve, reject) => {
			let answer = "";
			const alive = () => resolve({ pid: /^\d+\n/.test(answer) ? Number(answer) : undefined });
			socket.on("data", (data) => {
				answer = (answer + data.toString("latin1")).slice(0, 32);
			});
			socket.once("end", alive);
			socket.once("error", (error) => {
				const errno = errnoOf(error);
				if (errno === "ECONNREFUSED") resolve("dead");
				else if (errno === "ENOENT") resolve("gone");
				// Its queue is full, or it was cut off while it answered: there is somebody.
				else if (errno === "EAGAIN" || errno === "ECONNRESET" || errno === "EPIPE") alive();
				else reject(error);
			});
			clock.sleep(answerMs, over.signal).then(alive, () => {});
		});
	} finally {
		over.abort();
		socket.destroy();
	}
}

function alreadyRunning(folder: string, pid: number | undefined): BatonError {
	const who = pid === undefined ? "another process" : `process ${pid}`;
	return new BatonError("already-running", `${who} already serves ${folder}`, {
		hint: "stop it first, or leave the work to it",
	});
}
