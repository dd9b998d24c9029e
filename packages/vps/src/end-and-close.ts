import type { Socket } from "node:net";
import { SECOND } from "@baton/core/duration";

/** Sends what is still to be sent, then closes, whether or not the other side ever does. */
export function endAndClose(socket: Socket): void {
	socket.once("finish", () => socket.destroy());
	socket.end();
	const timer = setTimeout(() => socket.destroy(), 5 * SECOND);
	socket.once("close", () => clearTimeout(timer));
}
