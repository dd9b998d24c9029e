/** `batond check`: a line for each name, and a code by which a timer, a monitor or an agent knows. */

import type { AskVerdict } from "@baton/core/ask-verdict";
import { MINUTE } from "@baton/core/duration";
import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import { type Check, type Fix, judgeCheck } from "./check-words.ts";
import type { NameStatus, ServiceStatus, VerdictAnswer } from "./control-message.ts";
import { jsonLine, type Said } from "./said.ts";

export interface CheckOptions {
	readonly stateFolder: string;
	/** All names unless given. */
	readonly name: string | undefined;
	/** A token with less left than this is due, ms. */
	readonly withinMs: number;
	/** Ask for a refresh of what is due. Without it nothing is changed. */
	readonly fix: boolean;
	readonly json: boolean;
	readonly clock: Clock;
	/** The longest wait for what was asked for, ms. */
	readonly patienceMs?: number;
}

/** A probe, a proof of the sinks and a refresh take a second or two; a slow provider a minute. */
const PATIENCE = MINUTE;
/** Between two looks at what became of it, ms. */
const LOOK_EVERY = 100;

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
	const before = await look(options);
	const fixes = options.fix ? await fix(options, before) : new Map<string, Fix>();
	const { names, now } = fixes.size === 0 ? before : await look(options);
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

interface Look {
	readonly names: readonly NameStatus[];
	readonly now: number;
}

async function look({ stateFolder, name, clock }: CheckOptions): Promise<Look> {
	const answer = await askService(stateFolder, { v: 1, type: "status" }, clock);
	const { names, now } = answer as ServiceStatus;
	if (name === undefined) return { names, now };
	const known = names.filter((one) => one.name === name);
	if (known.length > 0) return { names: known, now };
	throw new BatonError("usage", `no login named ${name} is kept here`, {
		hint: `there is ${names.map((one) => one.name).join(", ")}`,
	});
}

/** Asks for all that is due before it waits for any. */
async function fix(options: CheckOptions, { names, now }: Look): Promise<Map<string, Fix>> {
	const due = names.filter((status) => isDue(status, now, options.withinMs));
	const fixes = new Map<string, Fix>();
	for (const status of due) {
		const verdict = await askFor(status.name, options);
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

async function askFor(name: string, { stateFolder, clock }: CheckOptions): Promise<AskVerdict> {
	const answer = await askService(stateFolder, { v: 1, type: "refresh", name }, clock);
	return (answer as VerdictAnswer).verdict;
}

/** Until nothing is under way for these names and their sinks have what there is to have. */
async function settled(options: CheckOptions, names: readonly string[]): Promise<void> {
	const { clock, patienceMs = PATIENCE } = options;
	const deadline = clock.monotonic() + patienceMs;
	while (names.length > 0 && clock.monotonic() < deadline) {
		const seen = await look(options);
		if (!seen.names.some((status) => names.includes(status.name) && isUnderWay(status))) return;
		await clock.sleep(LOOK_EVERY);
	}
}

function isUnderWay({ asked, state, sinks }: NameStatus): boolean {
	return asked === true || state === "refreshing" || sinks.some((sink) => sink.state === "behind");
}
