/**
 * Runs `work` when this process ends: by itself, by an error, by Ctrl-C, SIGTERM or SIGHUP; last
 * registered first. Work must be synchronous. A process that is killed with SIGKILL runs nothing.
 */
export function atEnd(work: () => void): void {
	if (works.length === 0) watch();
	works.unshift(work);
}

const works: (() => void)[] = [];

function watch(): void {
	process.once("exit", runAll);
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
		const end = () => {
			runAll();
			// Nobody catches it now, so the process ends as it would have without us.
			process.off(signal, end);
			process.kill(process.pid, signal);
		};
		// Not `once`: a terminal and its shell may both send the signal, and the second one must not end
		// the process in the middle of this.
		process.on(signal, end);
	}
}

/** If one throws, the end that this brings about runs the others. */
function runAll(): void {
	for (let work = works.shift(); work !== undefined; work = works.shift()) work();
}
