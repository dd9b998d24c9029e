import { readFileSync } from "node:fs";

/**
 * Whether a process runs. One that has ended counts as gone although nobody has reaped it: in a
 * container without an init process orphans stay behind like that.
 */
export function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
	return stateOf(pid) !== "Z";
}

/** The letter after the name in parentheses; undefined where there is no /proc. */
function stateOf(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2)[0];
	} catch {
		return undefined;
	}
}
