/** Programs run under strace, so that what they did to the disk and said to others can be replayed. */
import { spawnSync } from "node:child_process";

/** Whatever changes a file or its name, makes it durable, or speaks to another program. */
const CALLS = [
	...["open", "openat", "creat", "close"],
	...["read", "readv", "recvfrom", "recvmsg", "sendto", "sendmsg"],
	...["write", "writev", "pwrite64", "pwritev", "pwritev2", "copy_file_range", "sendfile"],
	...["truncate", "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat"],
	...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
	...["unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"],
	...["fsync", "fdatasync", "sync", "syncfs", "sync_file_range", "msync", "io_uring_setup"],
];

const STRACE = "/usr/bin/strace";

/**
 * `-D`: the program itself stays the child that was started, so a signal and its end are its own.
 * `-ff`: a file for each thread, so no call is cut in two by another's.
 */
const OPTIONS = [
	...["-D", "-ff", "--seccomp-bpf", "-qq", "-ttt", "-T", "-yy", "-xx", "-s", "4194304"],
	...["-e", "signal=none", "-e", `trace=${CALLS.join(",")}`],
].join(" ");

/**
 * What to put before a program and its arguments.
 *
 * @param prefix of the files it writes: `PREFIX.PID.THREAD`
 */
export function traced(prefix: string): string[] {
	return ["sh", "-c", `exec ${STRACE} ${OPTIONS} -o "$0.$$" -- "$@"`, prefix];
}

/** Why nothing can be traced here, or undefined where it can. */
export function straceMissing(): string | undefined {
	const { status, error } = spawnSync(STRACE, ["-f", "--seccomp-bpf", "-o", "/dev/null", "true"]);
	if (error !== undefined) return "strace is not installed";
	return status === 0 ? undefined : "strace may not trace here";
}
