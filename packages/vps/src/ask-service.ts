/** Asks the running service one thing over the control socket. */

import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readJsonLines, writeJsonLine } from "@baton/io/json-lines";
import type { ControlAnswer, ControlRequest } from "./control-message.ts";
import { CONTROL_SOCKET } from "./state-folder.ts";

const TIMEOUT = 10 * SECOND;
const ANSWER_TIMEOUTS: Readonly<Partial<Record<ControlRequest["type"], number>>> = {
	/** A spare copy is disarmed under claude's locks, which may have to be waited for. */
	import: 40 * SECOND,
	/** Each outlet has up to a minute. */
	"test-warnings": 70 * SECOND,
};
/** A status of many names is longer than a message of the protocol. */
const LONGEST_ANSWER = 1024 * 1024;

/**
 * The answer of the type that fits the request, or another one for the caller to explain.
 *
 * @throws BatonError `service-unavailable` if it does not run or does not answer
 */
export async function askService(
	stateFolder: string,
	request: ControlRequest,
	clock: Clock,
): Promise<Exclude<ControlAnswer, { type: "refused" }>> {
	const socket = await reach(join(stateFolder, CONTROL_SOCKET));
	try {
		const idleMs = ANSWER_TIMEOUTS[request.type] ?? TIMEOUT;
		const limits = { clock, idleMs, maxLineBytes: LONGEST_ANSWER };
		await writeJsonLine(socket, request, { clock, timeoutMs: TIMEOUT });
		for await (const value of readJsonLines(socket, limits)) {
			const answer = value as unknown as ControlAnswer;
			if (answer.type !== "refused") return answer;
			throw new BatonError("usage", answer.reason, { hint: "see batond status" });
		}
	} catch (error) {
		if (error instanceof BatonError && error.code === "usage") throw error;
		throw unavailable("does not answer", error);
	} finally {
		socket.destroy();
	}
	throw unavailable("ended without an answer");
}

function reach(path: string): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket = connect(path);
		socket.once("error", (error) => reject(unavailable("is not running", error)));
		socket.once("connect", () => resolve(socket));
	});
}

function unavailable(how: string, cause?: unknown): BatonError {
	return new BatonError("service-unavailable", `the service ${how}`, {
		hint: "start it: systemctl --user start batond, or batond serve",
		cause,
	});
}
