/** A clock that is off, for the one program that is started with it: its system keeps its own. */
import { existsSync } from "node:fs";

/** Debian's `libfaketime`; where it lies depends on the machine's kind. */
const KINDS: Readonly<Record<string, string>> = { x64: "x86_64", arm64: "aarch64" };
const LIBRARY = `/usr/lib/${KINDS[process.arch] ?? process.arch}-linux-gnu/faketime/libfaketime.so.1`;

/** Why no program can be given another clock here; undefined when one can. */
export function otherClockMissing(): string | undefined {
	return existsSync(LIBRARY) ? undefined : `there is no ${LIBRARY}: install faketime`;
}

/**
 * What to add to a program's environment. Wall time only: what measures durations goes on as it was.
 *
 * @param aheadMs of the machine's own clock; 0 adds nothing, less is behind
 */
export function environmentWithClock(aheadMs: number): Record<string, string> {
	if (aheadMs === 0) return {};
	const seconds = Math.round(aheadMs / 1000);
	return {
		LD_PRELOAD: LIBRARY,
		FAKETIME: `${seconds < 0 ? "" : "+"}${seconds}s`,
		FAKETIME_DONT_FAKE_MONOTONIC: "1",
		// Times of files are of no use to a test of clocks, and Node reads them past the library.
		NO_FAKE_STAT: "1",
	};
}
