/** The service's ear for commands on this machine: status and access tokens. */

import type { Socket } from "node:net";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readJsonLines, writeJsonLine } from "@baton/io/json-lines";
import { VERSION } from "@baton/io/version";
import { type ControlAnswer, type ControlRequest, parseControlRequest } from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import { endAndClose } from "./end-and-close.ts";
import { nameStatus } from "./name-status.ts";
import { whyNoToken } from "./no-token.ts";

export interface ControlOptions {
	readonly clock: Clock;
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly tokenUrl: string;
}

const TIMEOUT = 10 * SECOND;
/** A status of many names is longer than a message of the protocol. */
const maxLineBytes = 1024 * 1024;

/** One request, one answer; ends the socket. @throws only what is a fault of this program */
export async function answerControl(socket: Socket, options: ControlOptions): Promise<void> {
	const { clock } = options;
	try {
		for await (const value of readJsonLines(socket, { clock, idleMs: TIMEOUT, totalMs: TIMEOUT })) {
			await writeJsonLine(socket, answer(value, options), {
				clock,
				timeoutMs: TIMEOUT,
				maxLineBytes,
			});
			return;
		}
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		// A broken line of our own command: it gets no answer and says so.
	} finally {
		endAndClose(socket);
	}
}

function answer(value: Record<string, unknown>, options: ControlOptions): ControlAnswer {
	const request = parseControlRequest(value);
	if (request === undefined) return { v: 1, type: "refused", reason: "not a request" };
	return request.type === "status" ? statusOf(options) : tokenOf(request, options);
}

function statusOf({ clock, custodians, tokenUrl }: ControlOptions): ControlAnswer {
	const now = clock.now();
	const names = [...custodians.values()].map((custodian) => nameStatus(custodian.view()));
	return { v: 1, type: "status", version: VERSION, now, tokenUrl, names };
}

function tokenOf(
	{ name }: Extract<ControlRequest, { type: "token" }>,
	{ custodians }: ControlOptions,
): ControlAnswer {
	const custodian = custodians.get(name);
	if (custodian === undefined) {
		return { v: 1, type: "refused", reason: `no login named ${name} is kept here` };
	}
	const served = custodian.served();
	if (served === undefined) {
		const view = custodian.view();
		return {
			v: 1,
			type: "no-token",
			name,
			state: nameStatus(view).state,
			reason: whyNoToken(view),
		};
	}
	const { session, generation } = served;
	const expiry = session.expiresAt === undefined ? {} : { expiresAt: session.expiresAt };
	const accessToken = session.accessToken.reveal();
	return { v: 1, type: "token", name, accessToken, ...expiry, generation };
}

/** For a command that came when too many were here. */
export function turnControlAway(socket: Socket): void {
	const refusal: ControlAnswer = { v: 1, type: "refused", reason: "too many connections" };
	socket.write(`${JSON.stringify(refusal)}\n`);
	endAndClose(socket);
}
