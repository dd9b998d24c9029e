/** Programs that run now, as `/proc` shows them. */

import { existsSync } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import { type ConsumerFacts, consumerIn, type ProcessFacts } from "./consumers.ts";
import { readText } from "./read-text.ts";

const CONTAINER_MARKS = ["/.dockerenv", "/run/.containerenv"];
const CONTAINER_ENGINES = [
	"/var/run/docker.sock",
	"/run/podman/podman.sock",
	"/run/containerd/containerd.sock",
];

/** Sees all processes unless `/proc` is mounted so that it shows only this user's. */
export async function lookAtConsumers(uid: number): Promise<ConsumerFacts> {
	const own = await namespaceOf("self");
	const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
	const seen = await Promise.all(pids.map((pid) => lookAtProcess(pid, own)));
	return {
		uid,
		inContainer: CONTAINER_MARKS.some((path) => existsSync(path)),
		engines: CONTAINER_ENGINES.filter((path) => existsSync(path)),
		processes: seen.filter((one) => one !== undefined),
	};
}

async function lookAtProcess(
	pid: string,
	own: string | undefined,
): Promise<ProcessFacts | undefined> {
	const program = consumerIn(((await readText(`/proc/${pid}/cmdline`)) ?? "").split("\0"));
	if (program === undefined) return undefined;
	try {
		const { uid } = await stat(`/proc/${pid}`);
		const there = await namespaceOf(pid);
		const isElsewhere = there === undefined || own === undefined ? undefined : there !== own;
		return { pid: Number(pid), uid, program, isElsewhere };
	} catch {
		// It has ended since.
		return undefined;
	}
}

async function namespaceOf(pid: string): Promise<string | undefined> {
	return await readlink(`/proc/${pid}/ns/mnt`).catch(() => undefined);
}
