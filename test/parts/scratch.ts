import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd } from "./at-end.ts";
import { isRunning } from "./is-running.ts";

/** A folder of mode 0700 that is gone when this process is. */
export interface Scratch {
	readonly path: string;
	/** The path of something inside. */
	at(...names: string[]): string;
	/** Removes it now. Safe to call twice. */
	remove(): void;
}

const UMOUNT = "/usr/bin/umount";
const PREFIX = "baton-part-";
const held = new Set<string>();
let registered = false;

/**
 * Makes a folder under the system's temporary one. It is removed by `remove`, at the end of the
 * process, and on Ctrl-C or SIGTERM. What a killed process left is removed by the next one: its pid
 * is in the name.
 */
export function makeScratch(): Scratch {
	if (!registered) {
		removeOrphans();
		atEnd(removeAllScratch);
		registered = true;
	}
	const path = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
	held.add(path);
	return {
		path,
		at: (...names) => join(path, ...names),
		remove: () => remove(path),
	};
}

/** Removes every scratch folder of this process. */
export function removeAllScratch(): void {
	for (const path of held) remove(path);
}

function remove(path: string): void {
	unmountBelow(path);
	rmSync(path, { recursive: true, force: true, maxRetries: 3 });
	held.delete(path);
}

function removeOrphans(): void {
	for (const name of readdirSync(tmpdir())) {
		const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
		if (owner && !isRunning(Number(owner))) remove(join(tmpdir(), name));
	}
}

/** What a test mounted there would keep the folder from going. Only root can have done it. */
function unmountBelow(path: string): void {
	if (process.platform !== "linux" || process.getuid?.() !== 0) return;
	const points = readFileSync("/proc/self/mounts", "utf8")
		.split("\n")
		.map((line) => line.split(" ")[1] ?? "")
		.filter((point) => point === path || point.startsWith(`${path}/`));
	for (const point of points.reverse()) execFileSync(UMOUNT, ["--lazy", point]);
}
