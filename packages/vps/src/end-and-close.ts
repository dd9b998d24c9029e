import type { Socket } from "node:net";
import { SECOND } from "@baton/core/duration";

/** The other side gets this long to read what was sent and to close. */
const LINGER = 2 * SECOND;

/**
 * Sends what is still to be sent, then closes, whether or not the other side ever does. What comes in
 * meanwhile is read and dropped: closing over unread bytes could cost the other side our last words.
 */
export function endAndClose(socket: Socket): void {
	if (socket.destroyed) return;
	socket.end();
	socket.resume();
	socket.once("end", () => socket.destroySoon());
	const timer = setTimeout(() => socket.destroy(), LINGER);
	socket.once("close", () => clearTimeout(timer));
	if (socket.readableEnded) socket.destroySoon();
}
