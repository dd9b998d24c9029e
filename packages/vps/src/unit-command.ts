/** `batond unit`: the service's systemd user unit, printed or written where systemd reads it. */

import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { BatonError, EXIT } from "@baton/core/error";
import {
	type Sandbox,
	sandboxProperties,
	serviceUnit,
	UNIT_MARK,
	type UnitFacts,
} from "@baton/core/service-unit";
import { writeAtomic } from "@baton/io/atomic-file";
import { makePrivateFolder } from "@baton/io/private-folder";
import { readSmall } from "@baton/io/read-small";
import { CREDENTIAL } from "./key-credential.ts";
import { loadSettings } from "./load-settings.ts";
import { jsonLine, type Said } from "./said.ts";
import type { Places } from "./surroundings.ts";
import { type UnitNeeds, unitNeeds } from "./unit-needs.ts";
import type { UserManager } from "./user-manager.ts";

export interface UnitOptions {
	readonly places: Places;
	readonly environment: NodeJS.ProcessEnv;
	/** Program and arguments as the service is to be started. */
	readonly command: readonly string[];
	readonly sandbox: "auto" | Sandbox;
	/** Write it into the folder of the user's units. */
	readonly write: boolean;
	/** And have systemd load, enable and restart it. */
	readonly start: boolean;
	/** Over one that somebody else has written. */
	readonly replace: boolean;
	readonly json: boolean;
	readonly manager: UserManager;
}

const UNIT = "batond.service";
const MAX_BYTES = 64 * 1024;

/** @throws BatonError `bad-settings`; `unsafe-path`, `disk-failed`; `declined`; `command-failed` */
export async function unitCommand(options: UnitOptions): Promise<Said> {
	const { json, write, start, manager } = options;
	const facts = await unitFacts(options);
	const text = serviceUnit(facts);
	if (!write && !start) {
		return { stdout: json ? jsonLine(told(facts, { text })) : text, stderr: "", code: EXIT.well };
	}
	const path = unitPath(options.environment);
	await writeUnit(path, text, options.replace);
	if (start) {
		await manager.control("daemon-reload");
		await manager.control("enable", UNIT);
		await manager.control("restart", UNIT);
	}
	const stdout = json
		? jsonLine(told(facts, { path, started: start }))
		: `wrote ${path}, sandbox ${facts.sandbox}\n${start ? "started\n" : ""}`;
	return { stdout, stderr: `next: ${nextSteps(start)}\n`, code: EXIT.well };
}

function nextSteps(started: boolean): string {
	const linger = "loginctl enable-linger, so that it runs while you are not logged in";
	if (started) return linger;
	return `systemctl --user daemon-reload && systemctl --user enable --now batond\n      ${linger}`;
}

function told({ sandbox, reasons }: UnitFacts, more: object) {
	return { ok: true, sandbox, reasons, ...more };
}

async function unitFacts(options: UnitOptions): Promise<UnitFacts> {
	const { places, command, manager } = options;
	const settings = await loadSettings(places.settings);
	const used = [...command, places.settings, places.state, places.key];
	const needs = unitNeeds(settings, used);
	const key = await sealedKey(options);
	const systemdVersion = (await manager.version()) ?? 0;
	const { sandbox, reasons } = await chosenSandbox(options, needs);
	return {
		sandbox,
		reasons: [...reasons, ...key.reasons],
		command,
		writable: needs.writable,
		privateTmp: needs.privateTmp,
		changesGroups: needs.changesGroups,
		requestLimit: settings.timing.requestLimit,
		credential: key.credential,
		systemdVersion,
	};
}

/** Some systems seal a key for a user and then do not open it for that user's service: found out by trying. */
async function sealedKey({
	places,
	manager,
}: UnitOptions): Promise<Pick<UnitFacts, "credential" | "reasons">> {
	const file = places.sealedKey;
	if ((await readSmall(file, { maxBytes: MAX_BYTES })) === undefined) {
		return { credential: undefined, reasons: [] };
	}
	const why = await manager.refuses([`LoadCredentialEncrypted=${CREDENTIAL}:${file}`]);
	if (why === undefined) return { credential: { name: CREDENTIAL, file }, reasons: [] };
	const reason = `not with the sealed key but with the key file, as a try failed: ${why}`;
	return { credential: undefined, reasons: [reason] };
}

const SIZES: readonly Sandbox[] = ["full", "filters", "none"];

/** The largest that the sinks can do with and that this system can make: found out by trying. */
async function chosenSandbox(
	{ sandbox, manager }: UnitOptions,
	needs: UnitNeeds,
): Promise<Pick<UnitFacts, "sandbox" | "reasons">> {
	if (sandbox !== "auto") return { sandbox, reasons: [] };
	const reasons = [...needs.reasons];
	for (const size of SIZES.slice(SIZES.indexOf(needs.largest))) {
		const properties = sandboxProperties(size, needs);
		const why = properties.length === 0 ? undefined : await manager.refuses(properties);
		if (why === undefined) return { sandbox: size, reasons };
		reasons.push(`not sandbox ${size}, as a try failed: ${why}`);
	}
	return { sandbox: "none", reasons };
}

function unitPath({ XDG_CONFIG_HOME }: NodeJS.ProcessEnv): string {
	const config = XDG_CONFIG_HOME?.startsWith("/") ? XDG_CONFIG_HOME : join(homedir(), ".config");
	return join(config, "systemd/user", UNIT);
}

async function writeUnit(path: string, text: string, replace: boolean): Promise<void> {
	const before = (await readSmall(path, { maxBytes: MAX_BYTES }))?.toString("utf8");
	if (before !== undefined && !before.startsWith(UNIT_MARK) && !replace) {
		throw new BatonError("declined", `${path} was not written by batond unit`, {
			hint: "move it away, or have it replaced with --replace",
		});
	}
	await makePrivateFolder(dirname(path));
	await writeAtomic(path, text, { mode: 0o644 });
}
