/**
 * Which processes were started with a variable of this value. A program that outlived whoever started
 * it, and what it started in turn, are found by it also where nobody wrote down their ids.
 */
import { readdirSync, readFileSync } from "node:fs";
import { processStart } from "./process-alive.ts";

/**
 * Linux, proc(5): the environment a program began with. Those of other users cannot be read, and none
 * is found on another system; zombies have none any more.
 *
 * @param assignment `NAME=value`, whole
 */
export function processesWith(assignment: string): number[] {
	return processIds().filter((pid) => {
		const environment = environmentOf(pid);
		// Read again: of one that is ending the system may still tell.
		return environment?.split("\0").includes(assignment) && processStart(pid) !== undefined;
	});
}

function processIds(): number[] {
	try {
		return readdirSync("/proc")
			.filter((name) => /^\d+$/.test(name))
			.map(Number);
	} catch {
		return [];
	}
}

function environmentOf(pid: number): string | undefined {
	try {
		return readFileSync(`/proc/${pid}/environ`, "utf8");
	} catch {
		return undefined;
	}
}
