/** Where a program can be killed: right before one of its system calls, told by count. */

/** Whatever changes a disk or speaks to another program, and the reading of what that one answers. */
export const CALLS = [
	...["write", "writev", "pwrite64", "pwritev", "sendto", "sendmsg"],
	...["fsync", "fdatasync", "rename", "renameat", "renameat2", "link", "linkat"],
	...["unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"],
	...["chmod", "fchmod", "fchmodat", "ftruncate", "utimensat", "connect", "read"],
] as const;

export interface KillPoint {
	/** Which thread of the program, by their order of birth. */
	readonly thread: number;
	readonly call: string;
	/** Which of these calls of this thread, from 1. */
	readonly count: number;
}

/**
 * Every moment at which the program can be killed, but those at which nothing is done.
 *
 * @param written for each of its threads, what strace wrote down: `-yy`
 */
export function killPoints(written: readonly string[]): KillPoint[] {
	return written.flatMap((text, thread) => {
		const counts = new Map<string, number>();
		return text.split("\n").flatMap((line) => {
			const call = /^(\w+)\(/.exec(line)?.[1];
			if (call === undefined) return [];
			const count = (counts.get(call) ?? 0) + 1;
			counts.set(call, count);
			return isWorkOf(call, line) ? [{ thread, call, count }] : [];
		});
	});
}

/** Not a thread that wakes another one, nor a look at a file. */
function isWorkOf(call: string, line: string): boolean {
	if (call === "read") return /^read\(\d+<(TCP|UNIX)/.test(line);
	return !/^\w+\(\d+<anon_inode:/.test(line);
}

export function pointName({ thread, call, count }: KillPoint): string {
	return `${thread === 0 ? "main thread" : `thread ${thread}`}, ${call} ${count}`;
}
