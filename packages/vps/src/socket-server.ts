/**
 * A Unix socket in the state folder, for this user alone: mode 0600 in a folder of mode 0700. Node
 * cannot ask who is at the other end; these two modes are the guard.
 */

import { once } from "node:events";
import { chmod, lstat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { BatonError } from "@baton/core/error";
import { removeDurably } from "@baton/io/atomic-file";
import { diskError, errnoOf } from "@baton/io/disk-error";
import { fileNumber } from "@baton/io/file-identity";

/** `sun_path` holds 108 bytes with its closing zero. */
const PATH_MAX_BYTES = 107;

export interface SocketServerOptions {
	/** A socket that a killed service left there is removed; anything else is not ours to remove. */
	readonly path: string;
	readonly maxConnections: number;
	/** Owns the socket and ends it. Never throws. */
	serve(socket: Socket): Promise<void>;
	/** One more than there may be: told so and ended. */
	turnAway(socket: Socket): void;
}

export interface SocketServer {
	/**
	 * Listens anew if its socket was removed or replaced, but in the place of nobody who lives.
	 *
	 * @returns whether it had to
	 * @throws BatonError `unsafe-path` while its place is taken; `disk-failed`
	 */
	look(): Promise<boolean>;
	/** Accepts nobody any more, lets open conversations end for as long as this, then cuts them. */
	close(graceMs: number): Promise<void>;
}

/** @throws BatonError `unsafe-path` for a path that is too long, or taken; `disk-failed` */
export async function listenOn(options: SocketServerOptions): Promise<SocketServer> {
	const { path, maxConnections } = options;
	const open = new Set<Socket>();
	const welcome = (socket: Socket) => {
		// Whoever reads or writes meets the error there; here it must only not end the process.
		socket.on("error", () => {});
		if (open.size >= maxConnections) return options.turnAway(socket);
		open.add(socket);
		socket.once("close", () => open.delete(socket));
		void options.serve(socket);
	};
	let listening: Listening | undefined = await listenAt(path, welcome);
	const closings: Promise<unknown>[] = [];
	/** A server that closes removes whatever lies in its place: only its own, or nothing, may lie there. */
	const stopListening = () => {
		if (listening === undefined) return;
		const now = fileNumber(path);
		if (now !== undefined && now !== listening.number) return void listening.server.unref();
		const { server } = listening;
		// A caller that cannot be let in meanwhile is no fault of the closing, as `once` would have it.
		closings.push(new Promise((resolve) => server.once("close", resolve)));
		server.close();
		listening = undefined;
	};
	return {
		async look() {
			if (listening !== undefined && fileNumber(path) === listening.number) return false;
			await clearPlace(path);
			stopListening();
			listening = await listenAt(path, welcome);
			return true;
		},
		async close(graceMs) {
			stopListening();
			const timer = setTimeout(() => {
				for (const socket of open) socket.destroy();
			}, graceMs);
			await Promise.all(closings);
			clearTimeout(timer);
		},
	};
}

interface Listening {
	readonly server: Server;
	/** Of its socket, as `fileNumber` says. */
	readonly number: string | undefined;
}

async function listenAt(path: string, welcome: (socket: Socket) => void): Promise<Listening> {
	const server = createServer({ allowHalfOpen: true }, welcome);
	await clearPlace(path);
	try {
		server.listen(path);
		await once(server, "listening");
		await chmod(path, 0o600);
	} catch (error) {
		throw diskError("cannot listen on", path, error);
	}
	// What fails after this is one caller's connection.
	server.on("error", () => {});
	return { server, number: fileNumber(path) };
}

/** A socket that nobody listens on is removed. @throws BatonError `unsafe-path` for anything else; `disk-failed` */
export async function clearPlace(path: string): Promise<void> {
	if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
		throw new BatonError("unsafe-path", `${path} is too long for a socket`, {
			hint: `name a state folder with a shorter path: at most ${PATH_MAX_BYTES} bytes with the file`,
		});
	}
	try {
		await makeRoom(path);
	} catch (error) {
		throw diskError("cannot listen on", path, error);
	}
}

/** Only the one service of this state folder comes here, so a socket nobody listens on is a dead one's. */
async function makeRoom(path: string): Promise<void> {
	const stat = await lstat(path).catch((error: unknown) => {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error;
	});
	if (stat === undefined) return;
	if (!stat.isSocket()) throw taken(path, "is there and is not a socket", "move it away");
	if (await isListenedOn(path)) {
		const hint = "end that program first: it may be another batond, which serves this state folder";
		throw taken(path, "is listened on by another program", hint);
	}
	await removeDurably(path);
}

function isListenedOn(path: string): Promise<boolean> {
	const socket = connect({ path });
	return new Promise<boolean>((resolve, reject) => {
		socket.once("connect", () => resolve(true));
		socket.once("error", (error) => {
			const errno = errnoOf(error);
			// Its queue is full: there is somebody.
			if (errno === "EAGAIN") resolve(true);
			else if (errno === "ECONNREFUSED" || errno === "ENOENT") resolve(false);
			else reject(error);
		});
	}).finally(() => socket.destroy());
}

function taken(path: string, fault: string, hint: string): BatonError {
	return new BatonError("unsafe-path", `${path} ${fault}`, { hint });
}
