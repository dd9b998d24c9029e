/** Looks again and again at every process of a stage: what is on its command line, what in its environment. */
import { readdirSync, readFileSync } from "node:fs";
import { CANARY_PATTERN } from "../../parts/canary.ts";

export interface ProcessWatch {
	/** What was searched: the first word after the program's file, each kind once. */
	kinds(): string[];
	/** Where a token stood, never the token. */
	leaks(): string[];
	stop(): void;
}

const EVERY_MS = 100;

/** @param marks paths of which every process of the stage names one */
export function watchProcesses(marks: readonly string[]): ProcessWatch {
	const kinds = new Set<string>();
	const leaks = new Set<string>();
	const look = () => {
		for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
			const [words, environment] = [textOf(pid, "cmdline"), textOf(pid, "environ")];
			if (!marks.some((mark) => words.includes(mark) || environment.includes(mark))) continue;
			const kind = words.split("\0")[2] ?? "";
			kinds.add(kind);
			if (CANARY_PATTERN.test(words)) leaks.add(`command line of ${kind}`);
			if (CANARY_PATTERN.test(environment)) leaks.add(`environment of ${kind}`);
		}
	};
	const timer = setInterval(look, EVERY_MS);
	timer.unref();
	return {
		kinds() {
			look();
			return [...kinds].sort();
		},
		leaks: () => [...leaks],
		stop: () => clearInterval(timer),
	};
}

/** Empty for a process that is gone by now. */
function textOf(pid: string, file: string): string {
	try {
		return readFileSync(`/proc/${pid}/${file}`, "latin1");
	} catch {
		return "";
	}
}
