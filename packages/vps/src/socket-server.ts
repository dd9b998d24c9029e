/**
 * A Unix socket in the state folder, for this user alone: mode 0600 in a folder of mode 0700. Node
 * cannot ask who is at the other end; these two modes are the guard.
 */

import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { BatonError } from "@baton/core/error";
import { removeDurably } from "@baton/io/atomic-file";
import { diskError } from "@baton/io/disk-error";

/** `sun_path` holds 108 bytes with its closing zero. */
const PATH_MAX_BYTES = 107;

export interface SocketServerOptions {
	/** What stands there already is removed: only the one service of this state folder comes here. */
	readonly path: string;
	readonly maxConnections: number;
	/** Owns the socket and ends it. Never throws. */
	serve(socket: Socket): Promise<void>;
	/** One more than there may be: told so and ended. */
	turnAway(socket: Socket): void;
}

export interface SocketServer {
	/** Accepts nobody any more, lets open conversations end for as long as this, then cuts them. */
	close(graceMs: number): Promise<void>;
}

/** @throws BatonError `unsafe-path` for a path that is too long; `disk-failed` */
export async function listenOn(options: SocketServerOptions): Promise<SocketServer> {
	const { path, maxConnections } = options;
	if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
		throw new BatonError("unsafe-path", `${path} is too long for a socket`, {
			hint: `name a state folder with a shorter path: at most ${PATH_MAX_BYTES} bytes with the file`,
		});
	}
	const open = new Set<Socket>();
	const server = createServer({ allowHalfOpen: true }, (socket) => {
		// Whoever reads or writes meets the error there; here it must only not end the process.
		socket.on("error", () => {});
		if (open.size >= maxConnections) return options.turnAway(socket);
		open.add(socket);
		socket.once("close", () => open.delete(socket));
		void options.serve(socket);
	});
	try {
		await removeDurably(path);
		server.listen(path);
		await once(server, "listening");
		await chmod(path, 0o600);
	} catch (error) {
		throw diskError("cannot listen on", path, error);
	}
	return {
		async close(graceMs) {
			const closed = once(server, "close");
			server.close();
			const timer = setTimeout(() => {
				for (const socket of open) socket.destroy();
			}, graceMs);
			await closed;
			clearTimeout(timer);
		},
	};
}
