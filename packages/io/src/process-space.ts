/** Within what a process id means something: one boot, and one space of ids within it. */
import { readFileSync, readlinkSync } from "node:fs";

export interface ProcessSpace {
	readonly boot: string;
	readonly pids: string;
}

/** Undefined where it cannot be told, as on every system but Linux. */
export function ourProcessSpace(): ProcessSpace | undefined {
	try {
		return {
			boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
			pids: readlinkSync("/proc/self/ns/pid"),
		};
	} catch {
		return undefined;
	}
}
