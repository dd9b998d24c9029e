/**
 * Sees to it that the service can be come to. Something may remove its sockets while it runs, a person or a
 * program that cleans up; without them it would go on unseen, and a second one could start beside it.
 */

import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import type { Log } from "@baton/io/log";
import type { SocketServer } from "./socket-server.ts";

export interface Ears {
	readonly sockets: Pick<SocketServer, "look">;
	/** @throws BatonError `already-running` if another service has taken this one's folder */
	stillAlone(): Promise<void>;
	readonly clock: Clock;
	readonly log: Log;
}

/** Three looks at the folder, some microseconds. */
const LISTENS_ANEW_WITHIN = 5 * SECOND;

/** Until it is stopped. @throws BatonError `already-running`: this service must not go on */
export async function keepListening(ears: Ears, stop: AbortSignal): Promise<void> {
	let told: string | undefined;
	while (await passed(ears.clock, stop)) {
		const trouble = await lookOnce(ears);
		// The same trouble each five seconds would fill the log.
		if (trouble !== undefined && trouble.message !== told) {
			ears.log.failure("a socket cannot be had; looking again", trouble);
		}
		told = trouble?.message;
	}
}

async function passed(clock: Clock, stop: AbortSignal): Promise<boolean> {
	await clock.sleep(LISTENS_ANEW_WITHIN, stop).catch(() => {});
	return !stop.aborted;
}

async function lookOnce({ sockets, stillAlone, log }: Ears): Promise<Error | undefined> {
	const sign = await troubleOf(stillAlone);
	if (sign instanceof BatonError && sign.code === "already-running") throw sign;
	const ears = await troubleOf(async () => {
		if (await sockets.look()) log.warn("a socket of the service was gone; it listens anew");
	});
	return ears ?? sign;
}

async function troubleOf(step: () => Promise<void>): Promise<Error | undefined> {
	try {
		await step();
		return undefined;
	} catch (error) {
		return error instanceof Error ? error : new Error("for a reason that is not known");
	}
}
