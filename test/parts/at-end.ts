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
		process.once(signal, () => {
			runAll();
			// Nobody catches it now, so the process ends as it would have without us.
			process.kill(process.pid, signal);
		});
	}
}

function runAll(): void {
	for (const work of works.splice(0)) work();
}
