/** What the file system refused, as a `BatonError` that says what to do about it. */
import { BatonError, type BatonErrorCode } from "@baton/core/error";

interface Explanation {
	code: BatonErrorCode;
	reason: string;
	hint?: string;
}

const disk = (reason: string, hint?: string): Explanation => ({
	code: "disk-failed",
	reason,
	...(hint === undefined ? {} : { hint }),
});

const EXPLANATIONS: Record<string, Explanation> = {
	ENOSPC: disk("the disk is full", "free some space and try again"),
	EDQUOT: disk("the disk quota is used up", "free some space and try again"),
	EFBIG: disk("the file would be larger than allowed", "raise the file size limit (ulimit -f)"),
	EROFS: disk("the file system is read-only", "mount it writable and try again"),
	EIO: disk("the disk reports an error", "look at the system log: the disk may be failing"),
	EMFILE: disk("this program has too many files open", "raise the open files limit (ulimit -n)"),
	ENFILE: disk("the system has too many files open", "close some programs and try again"),
	EACCES: disk("permission denied", "look at the owner and the mode of the file and its folder"),
	EPERM: disk("not permitted", "look at the owner and the attributes of the file and its folder"),
	ENOENT: disk("it does not exist", "make its folder first"),
	EBUSY: disk("it is in use by another program", "close that program and try again"),
	ENOTDIR: { code: "unsafe-path", reason: "a part of the path is not a folder" },
	EISDIR: { code: "unsafe-path", reason: "it is a folder" },
	ELOOP: { code: "unsafe-path", reason: "it is a symbolic link", hint: "name the real file" },
	ENAMETOOLONG: { code: "unsafe-path", reason: "the name is too long" },
};

/** The `code` of a Node system error such as `ENOENT`, or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
	if (!(error instanceof Error) || !("code" in error)) return undefined;
	return typeof error.code === "string" ? error.code : undefined;
}

/**
 * @param doing what failed, as in "cannot write"
 * @param path the file or folder, named in the message
 * @param error what was caught; a `BatonError` is handed back as it is
 */
export function diskError(doing: string, path: string, error: unknown): BatonError {
	if (error instanceof BatonError) return error;
	const errno = errnoOf(error);
	const { code, reason, hint } = EXPLANATIONS[errno ?? ""] ?? disk(errno ?? "unknown reason");
	return new BatonError(code, `${doing} ${path}: ${reason}`, {
		...(hint === undefined ? {} : { hint }),
		cause: error,
	});
}
