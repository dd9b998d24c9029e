/** The service's ear for commands on this machine: status and access tokens. */

import type { Socket } from "node:net";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { readJsonLines, writeJsonLine } from "@baton/io/json-lines";
import { VERSION } from "@baton/io/version";
import { answerCustody, answerImport } from "./answer-import.ts";
import {
	type ControlAnswer,
	type ControlRequest,
	parseControlRequest,
	type ServiceStatus,
} from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import type { DeviceBook } from "./device-book.ts";
import { endAndClose } from "./end-and-close.ts";
import type { EngineChoice } from "./engines/choose-engine.ts";
import { forgetDevice } from "./forget-device.ts";
import type { HeardNote } from "./heard-note.ts";
import { nameStatus } from "./name-status.ts";
import { whyNoToken } from "./no-token.ts";
import { statusOf } from "./serving.ts";
import type { Warner } from "./warnings/warner.ts";

export interface ControlOptions {
	readonly clock: Clock;
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly tokenUrl: string;
	/** Of the service as a whole, at this moment. */
	about(): Pick<ServiceStatus, "key" | "settings">;
	readonly devices: DeviceBook;
	readonly warner: Warner;
	/** The figures, in Prometheus' text format. */
	metrics(): Promise<string>;
	/** Which one refreshes; undefined as long as that is not known. */
	engine(): EngineChoice | undefined;
	/** For what is of no one name. */
	onNote(note: HeardNote): void;
}

const TIMEOUT = 10 * SECOND;
/** A status of many names is longer than a message of the protocol. */
const maxLineBytes = 1024 * 1024;

/** One request, one answer; ends the socket. @throws only what is a fault of this program */
export async function answerControl(socket: Socket, options: ControlOptions): Promise<void> {
	const { clock } = options;
	try {
		for await (const value of readJsonLines(socket, { clock, idleMs: TIMEOUT, totalMs: TIMEOUT })) {
			const told = await answer(value, options);
			if (told === undefined) return;
			return await writeJsonLine(socket, told, { clock, timeoutMs: TIMEOUT, maxLineBytes });
		}
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		// A broken line of our own command: it gets no answer and says so.
	} finally {
		endAndClose(socket);
	}
}

/** Undefined if the service is stopping and cannot say. */
async function answer(
	value: Record<string, unknown>,
	options: ControlOptions,
): Promise<ControlAnswer | undefined> {
	const request = parseControlRequest(value);
	if (request === undefined) return { v: 1, type: "refused", reason: "not a request" };
	switch (request.type) {
		case "status":
			return serviceStatus(options);
		case "token":
			return tokenOf(request, options);
		case "refresh":
			return await refresh(request, options);
		case "revoke":
			return await revoke(request, options);
		case "devices":
			return { v: 1, type: "devices", devices: options.devices.facts() };
		case "test-warnings":
			return { v: 1, type: "warnings-tested", outlets: await options.warner.test() };
		case "metrics":
			return { v: 1, type: "metrics", text: await options.metrics() };
		case "forget":
			return await forgetDevice(request, options);
		default:
			return await imported(request, options);
	}
}

async function refresh(
	{ name, force }: Extract<ControlRequest, { type: "refresh" }>,
	{ custodians }: ControlOptions,
): Promise<ControlAnswer | undefined> {
	const custodian = custodians.get(name);
	if (custodian === undefined) return unknownName(name);
	const verdict = await custodian.askRefresh(force);
	return verdict && { v: 1, type: "verdict", name, verdict };
}

async function revoke(
	{ name }: Extract<ControlRequest, { type: "revoke" }>,
	{ custodians }: ControlOptions,
): Promise<ControlAnswer | undefined> {
	const custodian = custodians.get(name);
	if (custodian === undefined) return unknownName(name);
	const verdict = await custodian.askRevoke();
	return verdict && { v: 1, type: "revocation", name, verdict };
}

async function imported(
	request: Extract<ControlRequest, { type: "import" | "import-token" | "custody" }>,
	{ clock, custodians }: ControlOptions,
): Promise<ControlAnswer> {
	const custodian = custodians.get(request.name);
	if (custodian === undefined) return unknownName(request.name);
	if (request.type === "custody") return await answerCustody(request.fp, custodian);
	try {
		return await answerImport(request, custodian, clock);
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		return { v: 1, type: "refused", reason: error.message };
	}
}

function serviceStatus({
	clock,
	custodians,
	tokenUrl,
	engine,
	warner,
	about,
}: ControlOptions): ControlAnswer {
	const now = clock.now();
	const names = [...custodians.values()].map(statusOf);
	const { outlets } = warner;
	const warnings = outlets.length === 0 ? {} : { warnings: outlets };
	const chosen = engine();
	const by = chosen === undefined ? {} : { engine: chosen };
	const whole = { ...by, ...about() };
	return { v: 1, type: "status", version: VERSION, now, tokenUrl, ...whole, names, ...warnings };
}

function tokenOf(
	{ name }: Extract<ControlRequest, { type: "token" }>,
	{ custodians }: ControlOptions,
): ControlAnswer {
	const custodian = custodians.get(name);
	if (custodian === undefined) return unknownName(name);
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
	const kind = session.kind === "setup-token" ? { setupToken: true as const } : {};
	return { v: 1, type: "token", name, accessToken, ...expiry, generation, ...kind };
}

function unknownName(name: string): ControlAnswer {
	return { v: 1, type: "refused", reason: `no login named ${name} is kept here` };
}

/** For a command that came when too many were here. */
export function turnControlAway(socket: Socket): void {
	const refusal: ControlAnswer = { v: 1, type: "refused", reason: "too many connections" };
	socket.write(`${JSON.stringify(refusal)}\n`);
	endAndClose(socket);
}
