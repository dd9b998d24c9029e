/** Whether a process lives, and is the one that was meant: process ids are given out again. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { errnoOf } from "./disk-error.ts";

/**
 * When a process started, as an opaque string to compare; undefined if it is gone, a zombie, or this
 * system does not tell (Windows). Linux: clock ticks since boot, proc(5). macOS: what `ps` prints.
 */
export function processStart(pid: number): string | undefined {
	try {
		if (process.platform === "linux")
			return startFromStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
		if (process.platform === "win32") return undefined;
		const env = { LC_ALL: "C", TZ: "UTC" };
		const started = execFileSync("/bin/ps", ["-o", "lstart=", "-p", `${pid}`], {
			env,
			timeout: 1000,
			stdio: ["ignore", "pipe", "ignore"],
		});
		return started.toString("utf8").trim() || undefined;
	} catch {
		return undefined;
	}
}

/** The name in the second field may hold spaces and brackets: count from the last bracket. */
function startFromStat(stat: string): string | undefined {
	const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return state === "Z" || state === "X" ? undefined : rest[18];
}

/**
 * @param start what `processStart` said of it when it was known to live; without it any process of
 * that id counts
 */
export function isAlive(pid: number, start?: string): boolean {
	if (!Number.isSafeInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
	} catch (error) {
		// EPERM: it lives, under another user.
		if (errnoOf(error) === "ESRCH") return false;
	}
	if (process.platform === "win32") return true;
	const now = processStart(pid);
	if (now === undefined) return process.platform !== "linux";
	return start === undefined || start === now;
}

/** Nothing is left under this id, not even a zombie. False if that cannot be told. */
export function isGone(pid: number): boolean {
	if (!Number.isSafeInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return errnoOf(error) === "ESRCH";
	}
}
