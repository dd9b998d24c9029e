/**
 * The one error class of Baton and the exit codes it maps to.
 *
 * Expected outcomes (declined, retired, needs a login) are values, not errors. An error never carries
 * a token, a response body or a file's content: its message names the thing, its hint the next step.
 */

/** Exit codes of `baton` and `batond`; documented in the README. */
export const EXIT = {
	well: 0,
	fault: 1,
	usage: 2,
	refreshDue: 9,
	needsLogin: 10,
	declined: 11,
	hostUnreachable: 12,
	providerUnreachable: 13,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What went wrong, each with the exit code a command ends with. */
const EXIT_OF = {
	/** A bug or a condition nobody planned for. */
	internal: EXIT.fault,
	/** A command line, or a value on it, that cannot be understood. */
	usage: EXIT.usage,
	/** A settings file with an unknown key or a wrong value. */
	"bad-settings": EXIT.usage,
	/** A state file cut short, of another format, or from a newer version: nothing was touched. */
	"bad-state": EXIT.fault,
	/** A credentials file that cannot be read as one. */
	"bad-credentials": EXIT.fault,
	/** A message that is not of the protocol: too long, not JSON, wrong version, wrong type. */
	"bad-message": EXIT.fault,
	/** A provider's answer that cannot be read as one. */
	"bad-response": EXIT.fault,
	/** A file or folder whose owner, mode or kind makes it unsafe to use. */
	"unsafe-path": EXIT.fault,
	/** The disk refused: full, read-only, broken. */
	"disk-failed": EXIT.fault,
	/** A lock is held by a living owner and was waited for in vain. */
	locked: EXIT.fault,
	/** Another instance already serves this state folder. */
	"already-running": EXIT.fault,
	/** Something took longer than it may. */
	"timed-out": EXIT.fault,
	/** A person asked for the end before it was done. */
	interrupted: EXIT.fault,
	/** A program could not be started. */
	"command-failed": EXIT.fault,
	/** The login there is gone or was never there. */
	"needs-login": EXIT.needsLogin,
	declined: EXIT.declined,
	/** The host, or the service on it, cannot be reached. */
	"host-unreachable": EXIT.hostUnreachable,
	/** The host's key is not the pinned one: nothing was sent. */
	"host-key-changed": EXIT.hostUnreachable,
	/** The host refused our key. */
	"key-refused": EXIT.hostUnreachable,
	"service-unavailable": EXIT.hostUnreachable,
	"provider-unreachable": EXIT.providerUnreachable,
} as const satisfies Record<string, ExitCode>;

export type BatonErrorCode = keyof typeof EXIT_OF;

export interface BatonErrorOptions {
	/** The next step a person can take; one short lower-case line. */
	hint?: string;
	/** What was caught. Must bear no secret: never a parse error of a secret file or a response. */
	cause?: unknown;
}

export class BatonError extends Error {
	override readonly name = "BatonError";
	readonly code: BatonErrorCode;
	readonly hint: string | undefined;

	constructor(code: BatonErrorCode, message: string, options: BatonErrorOptions = {}) {
		super(message, options.cause === undefined ? {} : { cause: options.cause });
		this.code = code;
		this.hint = options.hint;
	}

	get exitCode(): ExitCode {
		return EXIT_OF[this.code];
	}
}
