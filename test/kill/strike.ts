/** strace beside a program that runs: it writes down what the program does, or ends it at one point. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { until } from "../e2e/stories/until.ts";
import { CALLS, type KillPoint } from "./kill-point.ts";

const STRACE = "/usr/bin/strace";
const CALM = ["-qq", "-e", "signal=none"];

/**
 * Resolves once every call is written down to `PREFIX.THREAD`. It ends with the program.
 *
 * @returns the ids of the program's threads, in the order of their birth
 */
export async function watchCalls(pid: number, prefix: string): Promise<number[]> {
	const threads = threadsOf(pid);
	const trace = ["-yy", "-e", `trace=${CALLS.join(",")}`, "-ff", "-o", prefix];
	await attach([...CALM, ...trace, "-p", String(pid)], pid, threads);
	return threads;
}

/** Resolves once the program is sure to die there: by SIGKILL, before the call is made. */
export async function strikeAt(pid: number, { thread, call, count }: KillPoint): Promise<void> {
	const id = threadsOf(pid)[thread];
	if (id === undefined) throw new Error(`the program has no thread ${thread}`);
	const inject = ["-e", `inject=${call}:signal=SIGKILL:when=${count}`];
	const trace = ["-e", `trace=${call}`, ...inject, "-o", "/dev/null"];
	await attach([...CALM, ...trace, "-p", String(id)], pid, [id]);
}

function threadsOf(pid: number): number[] {
	return readdirSync(`/proc/${pid}/task`)
		.map(Number)
		.sort((a, b) => a - b);
}

async function attach(args: string[], pid: number, threads: readonly number[]): Promise<void> {
	const strace = spawn(STRACE, args, { stdio: "ignore", detached: true });
	strace.on("error", () => {});
	strace.unref();
	await until("strace looks on", () => threads.every((id) => isTraced(pid, id)), Boolean, 10_000);
}

/** Also one that is gone already. */
function isTraced(pid: number, id: number): boolean {
	const status = `/proc/${pid}/task/${id}/status`;
	return !existsSync(status) || /^TracerPid:\t[1-9]/m.test(readFileSync(status, "utf8"));
}
