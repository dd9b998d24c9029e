/** The two ears of the service: one for this machine's user, one for paired devices. */

import type { Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "@baton/io/clock";
import type { Log } from "@baton/io/log";
import type { ServiceStatus } from "./control-message.ts";
import { answerControl, turnControlAway } from "./control-socket.ts";
import type { Custodian } from "./custodian.ts";
import type { DeviceBook } from "./device-book.ts";
import { converse, turnDeviceAway } from "./device-conversation.ts";
import type { EngineChoice } from "./engines/choose-engine.ts";
import type { HeardNote } from "./heard-note.ts";
import type { Settings } from "./settings.ts";
import { clearPlace, listenOn, type SocketServer } from "./socket-server.ts";
import { CONTROL_SOCKET, DEVICE_SOCKET } from "./state-folder.ts";
import type { Warner } from "./warnings/warner.ts";

export interface ServiceSocketsOptions {
	readonly stateFolder: string;
	readonly settings: Settings;
	readonly clock: Clock;
	readonly log: Log;
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly devices: DeviceBook;
	readonly warner: Warner;
	metrics(): Promise<string>;
	engine(): EngineChoice | undefined;
	about(): Pick<ServiceStatus, "key" | "settings">;
	/** For what is of no one name. */
	onNote(note: HeardNote): void;
	readonly stopping: AbortSignal;
}

const MAX_CONNECTIONS = 32;

/**
 * Before anything is begun: a service that goes on although the sign of it was removed, still listens here.
 *
 * @throws BatonError `unsafe-path`, `disk-failed`
 */
export async function clearSocketPlaces(stateFolder: string): Promise<void> {
	for (const name of [CONTROL_SOCKET, DEVICE_SOCKET]) await clearPlace(join(stateFolder, name));
}

/** @throws BatonError `unsafe-path`, `disk-failed` */
export async function openSockets(options: ServiceSocketsOptions): Promise<SocketServer> {
	const { stateFolder, settings, log } = options;
	const { tokenUrl } = settings.provider;
	const maxConnections = MAX_CONNECTIONS;
	/** A fault in one conversation is no reason to end the custody. */
	const guarded = (serve: (socket: Socket) => Promise<void>) => async (socket: Socket) => {
		try {
			await serve(socket);
		} catch (error) {
			log.failure("a conversation met a fault", error);
		}
	};
	const servers = [
		await listenOn({
			path: join(stateFolder, CONTROL_SOCKET),
			maxConnections,
			serve: guarded((socket) => answerControl(socket, { ...options, tokenUrl })),
			turnAway: turnControlAway,
		}),
		await listenOn({
			path: join(stateFolder, DEVICE_SOCKET),
			maxConnections,
			serve: guarded((socket) => converse(socket, options)),
			turnAway: turnDeviceAway,
		}),
	];
	return {
		async look() {
			const looks = await Promise.allSettled(servers.map((server) => server.look()));
			for (const look of looks) if (look.status === "rejected") throw look.reason;
			return looks.some((look) => look.status === "fulfilled" && look.value);
		},
		async close(graceMs) {
			await Promise.all(servers.map((server) => server.close(graceMs)));
		},
	};
}
