/** What is noted of a refresh by claude, so that whoever comes after a crash knows where it stands. */

import type { Fingerprint } from "@baton/core/lineage";
import { isAlive, processStart } from "@baton/io/process-alive";
import { ourProcessSpace, type ProcessSpace } from "@baton/io/process-space";

export interface RunRecord {
	readonly v: 1;
	/** Of the access token beside the refresh token that was given to claude. */
	readonly access: Fingerprint;
	/** The end of the access token as it was written for claude, wall-clock ms. */
	readonly closeEnd: number;
	/** `prepared`: claude was surely not started yet. */
	readonly state: "prepared" | "started";
	/** When it was noted, wall-clock ms. */
	readonly at: number;
	/** As which process; missing in the moment between the start and this note. */
	readonly process?: RunProcess;
	/** The process that holds claude's standard input open. */
	readonly holder?: RunProcess;
	/** When it was first seen to have ended, wall-clock ms. */
	readonly endedAt?: number;
}

export interface RunProcess extends Partial<ProcessSpace> {
	readonly pid: number;
	/** See `processStart`. */
	readonly start?: string;
}

/** Undefined for what is no record. */
export function parseRunRecord(text: string): RunRecord | undefined {
	try {
		const value = JSON.parse(text) as RunRecord;
		return isRecord(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function isRecord(value: RunRecord | null): value is RunRecord {
	if (typeof value !== "object" || value === null || value.v !== 1) return false;
	const { access, closeEnd, state, at, process, holder, endedAt } = value;
	const isStated = state === "prepared" || state === "started";
	const isTimed = Number.isFinite(closeEnd) && Number.isFinite(at);
	const isEnded = endedAt === undefined || Number.isFinite(endedAt);
	const isNamed = [process, holder].every(
		(one) => one === undefined || Number.isSafeInteger(one?.pid),
	);
	return typeof access === "string" && isStated && isTimed && isEnded && isNamed;
}

/** One that has ended already has no start: then no process is it. */
export function runProcess(pid: number): RunProcess {
	return { pid, start: processStart(pid) ?? "ended", ...ourProcessSpace() };
}

/** A process of that id in another boot, or another space of ids, is another one. */
export function livesStill({ pid, start, boot, pids }: RunProcess): boolean {
	const ours = ourProcessSpace();
	if (ours !== undefined && boot !== undefined && (ours.boot !== boot || ours.pids !== pids)) {
		return false;
	}
	return isAlive(pid, start);
}
