/** `batond devices`: who may speak to this service, by which key, and what each has handed over. */

import { formatDuration } from "@baton/core/duration";
import { BatonError, EXIT } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { DeviceLine, Looseness } from "./authorized-keys.ts";
import { readAuthorizedKeys } from "./authorized-keys-file.ts";
import type { DeviceFacts, DevicesAnswer, NameStatus, ServiceStatus } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";

export interface DevicesOptions {
	readonly stateFolder: string;
	/** The `authorized_keys` to read. */
	readonly file: string;
	readonly json: boolean;
	readonly clock: Clock;
}

/** What a device handed over, as the service holds it now. */
export interface HandedOver {
	readonly name: string;
	readonly lineageId: string;
	/** Not claimed yet. */
	readonly staged: boolean;
}

export interface PairedDevice extends Partial<Omit<DeviceFacts, "device">> {
	readonly device: string;
	/** One for each of its keys; none if it only spoke in the past. */
	readonly lines: readonly DeviceLine[];
	readonly handedOver: readonly HandedOver[];
}

/** @throws BatonError `unsafe-path`, `disk-failed` for a file that cannot be read */
export async function devices(options: DevicesOptions): Promise<Said> {
	const { file, json, clock } = options;
	const { paired, isUp } = await findPaired(options);
	if (!json)
		return { stdout: describe(paired, isUp, options, clock.now()), stderr: "", code: EXIT.well };
	const facts = paired.map(({ lines, ...device }) => ({ ...device, keys: lines.map(keyFacts) }));
	const service = isUp ? "running" : "down";
	return { stdout: jsonLine({ file, service, devices: facts }), stderr: "", code: EXIT.well };
}

export async function findPaired({
	stateFolder,
	file,
	clock,
}: DevicesOptions): Promise<{ paired: PairedDevice[]; isUp: boolean }> {
	const lines = (await readAuthorizedKeys(file))?.entries ?? [];
	const service = await askBoth(stateFolder, clock);
	const known = service?.devices ?? [];
	const names = new Set([...lines, ...known].map(({ device }) => device));
	const paired = [...names].map((device) => ({
		...known.find((one) => one.device === device),
		device,
		lines: lines.filter((line) => line.device === device),
		handedOver: handedOverBy(device, service?.names ?? []),
	}));
	return { paired, isUp: service !== undefined };
}

/** Undefined if the service is down. */
async function askBoth(stateFolder: string, clock: Clock) {
	try {
		const known = await askService(stateFolder, { v: 1, type: "devices" }, clock);
		const status = await askService(stateFolder, { v: 1, type: "status" }, clock);
		return { ...(known as DevicesAnswer), ...(status as ServiceStatus) };
	} catch (error) {
		if (error instanceof BatonError && error.code === "service-unavailable") return undefined;
		throw error;
	}
}

function handedOverBy(device: string, names: ServiceStatus["names"]): HandedOver[] {
	return names.flatMap((status) => {
		const { name, device: of, lineageId, staged } = status;
		const main = of === device && lineageId !== undefined;
		return [
			...(main ? [{ name, lineageId, staged: isUnclaimed(status) }] : []),
			...(staged?.device === device ? [{ name, lineageId: staged.lineageId, staged: true }] : []),
		];
	});
}

/** A setup token is held without a claim. */
function isUnclaimed({ state, generation }: NameStatus): boolean {
	const isClaiming = state === "refreshing" || state === "in-doubt";
	return state === "staged" || (isClaiming && generation === 0);
}

function keyFacts({ line, keyType, fingerprint, loose }: DeviceLine) {
	return { line, keyType, fingerprint, restricted: loose.length === 0, loose };
}

// Words

function describe(
	paired: readonly PairedDevice[],
	isUp: boolean,
	{ file }: DevicesOptions,
	now: number,
): string {
	const inFile = paired.filter(({ lines }) => lines.length > 0);
	const others = paired.filter(({ lines }) => lines.length === 0);
	const said = [
		inFile.length === 0 ? `no device has a line in ${file}` : `devices with a line in ${file}`,
		...inFile.flatMap((device) => describeDevice(device, isUp, now)),
		...(others.length === 0 ? [] : ["", "without a line there, known from before"]),
		...others.flatMap((device) => describeDevice(device, isUp, now)),
		...(isUp ? [] : ["", "the service is not running: when they last spoke is not told"]),
	];
	return `${said.join("\n")}\n`;
}

function describeDevice(device: PairedDevice, isUp: boolean, now: number): string[] {
	return [
		"",
		`${device.device}${device.forgottenAt === undefined ? "" : ": forgotten"}`,
		...device.lines.flatMap(describeKey),
		...(isUp ? [`  ${contactWords(device, now)}`] : []),
		...device.handedOver.map(handedWords),
	];
}

function describeKey({ line, keyType, fingerprint, loose }: DeviceLine): string[] {
	const how = loose.length === 0 ? "restricted" : "NOT RESTRICTED";
	return [
		`  ${keyType} ${fingerprint}, ${how} (line ${line})`,
		...loose.map((why) => `    warning: ${WARNINGS[why]}`),
	];
}

export const WARNINGS: Readonly<Record<Looseness, string>> = {
	unrestricted:
		"without restrict this key can forward its way to the access tokens; put restrict, before command=",
	loosened:
		"after restrict this line gives leave again for more than batond accept; take that out of it",
	"other-command": "its command does more than batond accept; put that alone there",
	"other-line":
		"the same key stands in another line too, by which it could open a shell; take that out",
};

function contactWords({ lastContact, open = 0 }: PairedDevice, now: number): string {
	if (open > 0) return "is speaking now";
	if (lastContact === undefined) return "has not spoken yet";
	return `last spoke ${formatDuration(now - lastContact)} ago`;
}

function handedWords({ name, lineageId, staged }: HandedOver): string {
	return `  handed over login ${lineageId} of ${name}${staged ? ", not claimed yet" : ""}`;
}
