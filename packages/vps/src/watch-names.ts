/** Looks at the names of the running service, and waits for what was asked of it to be over. */

import type { AskVerdict } from "@baton/core/ask-verdict";
import { MINUTE } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { NameStatus, ServiceStatus, VerdictAnswer } from "./control-message.ts";

export interface WatchOptions {
	readonly stateFolder: string;
	/** All names unless given. */
	readonly name: string | undefined;
	readonly clock: Clock;
	/** The longest wait for what was asked for, ms. */
	readonly patienceMs?: number;
}

export interface NamesSeen {
	readonly names: readonly NameStatus[];
	/** Of the service's clock, wall-clock ms. */
	readonly now: number;
}

/** A probe, a proof of the sinks and a refresh take a second or two; a slow provider a minute. */
const PATIENCE = MINUTE;
/** Between two looks at what became of it, ms. */
const LOOK_EVERY = 100;

/** Changes nothing. @throws BatonError `service-unavailable`; `usage` for an unknown name */
export async function lookAtNames({ stateFolder, name, clock }: WatchOptions): Promise<NamesSeen> {
	const answer = await askService(stateFolder, { v: 1, type: "status" }, clock);
	const { names, now } = answer as ServiceStatus;
	if (name === undefined) return { names, now };
	const known = names.filter((one) => one.name === name);
	if (known.length > 0) return { names: known, now };
	throw new BatonError("usage", `no login named ${name} is kept here`, {
		hint: `there is ${names.map((one) => one.name).join(", ")}`,
	});
}

/** @param force however young the token is @throws as `lookAtNames` */
export async function askForRefresh(
	name: string,
	force: boolean,
	{ stateFolder, clock }: WatchOptions,
): Promise<AskVerdict> {
	const answer = await askService(stateFolder, { v: 1, type: "refresh", name, force }, clock);
	return (answer as VerdictAnswer).verdict;
}

/** Until nothing is under way for these names any more, or patience ends. @throws as `lookAtNames` */
export async function settled(
	options: WatchOptions,
	names: readonly string[],
	isUnderWay: (status: NameStatus) => boolean = isRefreshing,
): Promise<void> {
	const { clock, patienceMs = PATIENCE } = options;
	const deadline = clock.monotonic() + patienceMs;
	while (names.length > 0 && clock.monotonic() < deadline) {
		const seen = await lookAtNames(options);
		if (!seen.names.some((status) => names.includes(status.name) && isUnderWay(status))) return;
		await clock.sleep(LOOK_EVERY);
	}
}

/** Or its sinks are still to be given what there is. */
function isRefreshing({ asked, state, sinks }: NameStatus): boolean {
	return asked === true || state === "refreshing" || sinks.some((sink) => sink.state === "behind");
}
