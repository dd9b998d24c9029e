/** `batond forget DEVICE`: its key opens nothing any more, and what it has promised is void. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { BatonError, EXIT } from "@baton/core/error";
import { suggestKey } from "@baton/io/settings-file";
import { claimSingleInstance } from "@baton/io/single-instance";
import { askService } from "./ask-service.ts";
import { openAudit } from "./audit.ts";
import type { DeviceLine } from "./authorized-keys.ts";
import { removeDevice } from "./authorized-keys-file.ts";
import { type Asking, confirm } from "./confirm.ts";
import type { ForgottenAnswer } from "./control-message.ts";
import { DeviceBook } from "./device-book.ts";
import { type DevicesOptions, findPaired, type PairedDevice, WARNINGS } from "./devices.ts";
import { jsonLine, type Said } from "./said.ts";
import { DEVICES } from "./state-folder.ts";

export interface ForgetOptions extends DevicesOptions {
	readonly device: string;
	readonly asking: Asking;
}

/**
 * The line goes first: from then on nobody new comes in by that key, whatever follows. Run again after
 * a crash in between, it does the rest.
 *
 * @throws BatonError `usage` for a device that nobody knows; `unsafe-path`, `disk-failed` for the file;
 * `service-unavailable` if the service runs and could not be told: then the line is gone all the same
 */
export async function forget(options: ForgetOptions): Promise<Said> {
	const { device, file, asking } = options;
	const { paired } = await findPaired(options);
	const found = paired.find((one) => one.device === device);
	if (found === undefined) throw unknownDevice(device, paired);
	if (!(await confirm(questionFor(found, file), asking))) {
		return { stdout: "", stderr: "nothing was changed\n", code: EXIT.declined };
	}
	const removed = await removeDevice(file, device);
	const told = await tellService(options);
	const after = (await findPaired(options)).paired.find((one) => one.device === device);
	return report({ ...found, handedOver: after?.handedOver ?? [] }, removed, told, options);
}

/** Undefined for a service that is down: then its memory of devices was written to directly. */
async function tellService(options: ForgetOptions): Promise<ForgottenAnswer | undefined> {
	const { stateFolder, device, file, clock } = options;
	try {
		const told = await askService(stateFolder, { v: 1, type: "forget", device, file }, clock);
		return told as ForgottenAnswer;
	} catch (error) {
		if (!(error instanceof BatonError) || error.code !== "service-unavailable") throw error;
		await remember(options, error);
		return undefined;
	}
}

/** Only where no service runs. One that runs and is mute would not read what is written here. */
async function remember({ stateFolder, device, file, clock }: ForgetOptions, why: BatonError) {
	if (!existsSync(stateFolder)) return;
	const claim = await claimSingleInstance(stateFolder).catch((error: unknown) => {
		if (!(error instanceof BatonError) || error.code !== "already-running") throw error;
		throw new BatonError(why.code, `the line is out of ${file}, but ${why.message}`, {
			hint: `run it again, or restart the service: systemctl --user restart batond`,
			cause: why,
		});
	});
	try {
		const book = await DeviceBook.open(join(stateFolder, DEVICES), clock);
		await book.forget(device, file);
		const audit = openAudit({ folder: stateFolder, onTrouble: () => {} });
		const note = { type: "note", level: "info", what: "device-forgotten", device } as const;
		audit.write(undefined, note, clock.now());
		await audit.flushed();
	} finally {
		await claim.release();
	}
}

function unknownDevice(device: string, paired: readonly PairedDevice[]): BatonError {
	const known = paired.filter(({ forgottenAt }) => forgottenAt === undefined);
	const names = known.map((one) => one.device);
	const meant = suggestKey(device, names);
	const there = names.length === 0 ? "there is none" : `there is ${names.join(", ")}`;
	return new BatonError("usage", `no device named ${device} is known here`, {
		hint: meant === undefined ? there : `did you mean ${meant}? ${there}`,
	});
}

// Words

function questionFor({ device, lines, handedOver }: PairedDevice, file: string): string {
	const staged = handedOver.filter((login) => login.staged);
	const warnings = staged.map(({ name }) => `${stagedWords(device, name)}\n`);
	const numbers = lines.map(({ line }) => line).join(", ");
	const where = lines.length === 0 ? "" : ` and take line ${numbers} out of ${file}`;
	return `${warnings.join("")}forget ${device}${where}`;
}

function stagedWords(device: string, name: string): string {
	return (
		`a login for ${name} from ${device} is here and not claimed yet; it stays. To have it back, ` +
		"run baton take-back on that PC before you forget it: afterwards it cannot ask for it"
	);
}

function report(
	{ device, handedOver, lines }: PairedDevice,
	removed: readonly DeviceLine[],
	told: ForgottenAnswer | undefined,
	{ file, json }: ForgetOptions,
): Said {
	const staged = handedOver.filter((login) => login.staged);
	const held = handedOver.filter((login) => !login.staged);
	if (json) {
		const service = told === undefined ? "down" : "told";
		const facts = {
			ok: true,
			device,
			file,
			removed: removed.map(({ line, fingerprint }) => ({ line, fingerprint })),
			service,
			...(told === undefined ? {} : { ended: told.ended }),
			...(told?.trouble === undefined ? {} : { trouble: told.trouble }),
			staged,
			held,
		};
		return { stdout: jsonLine(facts), stderr: "", code: EXIT.well };
	}
	const said = [
		`forgot ${device}`,
		...removed.map(({ line, fingerprint }) => `  took line ${line} out of ${file}: ${fingerprint}`),
		...(removed.length === 0 ? [`  it had no line in ${file}`] : []),
		...serviceWords(told),
		...staged.map(({ name }) => `  ${stagedWords(device, name)}`),
		...held.map(
			({ name, lineageId }) => `  login ${lineageId} of ${name}, which it handed over, goes on`,
		),
		...(lines.some(({ loose }) => loose.includes("other-line"))
			? [`  warning: ${WARNINGS["other-line"]}`]
			: []),
	];
	return { stdout: `${said.join("\n")}\n`, stderr: "", code: EXIT.well };
}

function serviceWords(told: ForgottenAnswer | undefined): string[] {
	if (told === undefined)
		return ["  the service is not running; it will refuse this device when it does"];
	const { ended, trouble } = told;
	const talks = ended === 1 ? "its open conversation was" : `${ended} open conversations were`;
	return [
		...(ended === 0 ? [] : [`  ${talks} ended`]),
		...(trouble === undefined
			? ["  the service refuses it from now on"]
			: [`  the service refuses it only until its next start: ${trouble}; run this again`]),
	];
}
