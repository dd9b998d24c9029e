/** `batond check`: a line for each name, and a code by which a timer, a monitor or an agent knows. */

import { EXIT, type ExitCode } from "@baton/core/error";
import { type Check, type Fix, judgeCheck } from "./check-words.ts";
import type { NameStatus } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";
import {
	askForRefresh,
	lookAtNames,
	type NamesSeen,
	settled,
	type WatchOptions,
} from "./watch-names.ts";

export interface CheckOptions extends WatchOptions {
	/** A token with less left than this is due, ms. */
	readonly withinMs: number;
	/** Ask for a refresh of what is due. Without it nothing is changed. */
	readonly fix: boolean;
	readonly json: boolean;
}

/** From best to worst: what is tried again by itself comes before what waits for a person. */
const WORSE: readonly ExitCode[] = [
	EXIT.well,
	EXIT.refreshDue,
	EXIT.providerUnreachable,
	EXIT.needsLogin,
	EXIT.fault,
];

/** @throws BatonError `service-unavailable`; `usage` for an unknown name */
export async function check(options: CheckOptions): Promise<Said> {
	const before = await lookAtNames(options);
	const fixes = options.fix ? await fix(options, before) : new Map<string, Fix>();
	const { names, now } = fixes.size === 0 ? before : await lookAtNames(options);
	const checks = names.map((status) =>
		judgeCheck(status, { now, withinMs: options.withinMs, fix: fixes.get(status.name) }),
	);
	const code = checks.reduce<ExitCode>((worst, one) => worseOf(worst, one.code), EXIT.well);
	const stdout = options.json
		? jsonLine({ ok: code === EXIT.well, names: checks.map(factsOf) })
		: checks.map(({ line }) => `${line}\n`).join("");
	return { stdout, stderr: "", code };
}

function worseOf(a: ExitCode, b: ExitCode): ExitCode {
	return WORSE.indexOf(b) > WORSE.indexOf(a) ? b : a;
}

function factsOf({ code, line, ...facts }: Check) {
	return { ok: code === EXIT.well, code, ...facts, line };
}

/** Asks for all that is due before it waits for any. */
async function fix(options: CheckOptions, { names, now }: NamesSeen): Promise<Map<string, Fix>> {
	const due = names.filter((status) => isDue(status, now, options.withinMs));
	const fixes = new Map<string, Fix>();
	for (const status of due) {
		const verdict = await askForRefresh(status.name, false, options);
		if (verdict.kind === "declined") fixes.set(status.name, verdict);
		else fixes.set(status.name, { kind: "waiting", generation: status.generation });
	}
	await settled(
		options,
		[...fixes.keys()].filter((name) => fixes.get(name)?.kind === "waiting"),
	);
	return fixes;
}

function isDue({ serves, need, state }: NameStatus, now: number, withinMs: number): boolean {
	if (need !== undefined || state === "none") return false;
	if (serves === undefined) return true;
	return serves.until !== undefined && serves.until - now < withinMs;
}
