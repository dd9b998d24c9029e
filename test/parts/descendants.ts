import { readdirSync, readFileSync } from "node:fs";

/** The processes a process has started, and those that these have. Needs the /proc of Linux. */
export function descendantsOf(pid: number): number[] {
	const childrenOf = new Map<number, number[]>();
	for (const name of readdirSync("/proc")) {
		const parent = parentOf(Number(name));
		if (parent !== undefined) {
			childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
		}
	}
	const below = (parent: number): number[] =>
		(childrenOf.get(parent) ?? []).flatMap((one) => [one, ...below(one)]);
	return below(pid);
}

function parentOf(pid: number): number | undefined {
	if (!Number.isInteger(pid)) return undefined;
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
	} catch {
		return undefined;
	}
}
