/** Runs a program to its end: no shell, no inherited environment, a limit on time and on output. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { BatonError } from "@baton/core/error";
import { type Clock, systemClock } from "./clock.ts";
import { errnoOf } from "./disk-error.ts";

/** Program and arguments. */
export type Argv = readonly [string, ...string[]];

export interface CommandOptions {
	/** The whole environment: nothing is inherited. */
	env: Readonly<Record<string, string>>;
	/** Written to its standard input, which is then closed. */
	stdin?: string | Uint8Array;
	/** Working folder; the caller's unless given. */
	cwd?: string;
	/** After this long, ms, its process group gets SIGTERM, and SIGKILL `graceMs` later. */
	timeoutMs: number;
	/** Ms between the two; 2 s unless given. */
	graceMs?: number;
	/** Bytes kept of each output, the first ones; what follows is read and dropped. 64 KiB. */
	maxOutputBytes?: number;
	/** Ends it as the time limit does; its reason is thrown. */
	signal?: AbortSignal;
	/** The machine's own unless given. */
	clock?: Clock;
}

export interface CommandResult {
	/** Exit code; null if a signal ended it. */
	code: number | null;
	signal: NodeJS.Signals | null;
	stdout: string;
	stderr: string;
	/** Some output was dropped. */
	truncated: boolean;
}

type Exit = Pick<CommandResult, "code" | "signal">;

/** How long outputs are still read once the program ended and left them open in a child, ms. */
const LINGER_MS = 500;
/** How long a killed program is waited for: one stuck in the kernel may never end. Ms. */
const REAP_MS = 1000;

/**
 * Runs a program and waits for its end. Ending with a code other than 0 is a result, not an error.
 *
 * @param argv errors name the program only: an argument may be a secret
 * @throws BatonError `command-failed` if it cannot be started; `timed-out` once it was ended
 */
export async function runCommand(argv: Argv, options: CommandOptions): Promise<CommandResult> {
	const { clock = systemClock, timeoutMs, maxOutputBytes = 64 * 1024, signal } = options;
	signal?.throwIfAborted();
	const child = start(argv, options);
	const done = new AbortController();
	const exit = exitOf(child, argv[0]);
	const stdout = new Capture(child.stdout, maxOutputBytes);
	const stderr = new Capture(child.stderr, maxOutputBytes);
	try {
		feed(child, options.stdin);
		const outcome = await Promise.race([exit, limit(clock, timeoutMs, done.signal, signal)]);
		if (outcome === "late") {
			await end(child, exit, clock, options.graceMs ?? 2000, done.signal);
			signal?.throwIfAborted();
			throw tookTooLong(argv[0], timeoutMs);
		}
		const closed = Promise.all([stdout.closed, stderr.closed]);
		await Promise.race([closed, clock.sleep(LINGER_MS, done.signal)]);
		const truncated = stdout.truncated || stderr.truncated;
		return { ...outcome, stdout: stdout.text, stderr: stderr.text, truncated };
	} finally {
		done.abort();
		for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
	}
}

function start([program, ...args]: Argv, { env, cwd }: CommandOptions): ChildProcess {
	try {
		return spawn(program, args, {
			env,
			...(cwd === undefined ? {} : { cwd }),
			stdio: "pipe",
			// A process group of its own, so that all it starts can be ended with it.
			detached: process.platform !== "win32",
			windowsHide: true,
		});
	} catch (error) {
		throw notStarted(program, error);
	}
}

function exitOf(child: ChildProcess, program: string): Promise<Exit> {
	return new Promise((resolve, reject) => {
		child.once("error", (error) => reject(notStarted(program, error)));
		child.once("exit", (code, signal) => resolve({ code, signal }));
	});
}

function feed({ stdin }: ChildProcess, data: string | Uint8Array | undefined): void {
	// EPIPE: it need not read what it is given.
	stdin?.on("error", () => {});
	stdin?.end(data);
}

function limit(
	clock: Clock,
	timeoutMs: number,
	done: AbortSignal,
	signal: AbortSignal | undefined,
): Promise<"late"> {
	return new Promise((resolve) => {
		const isLate = () => resolve("late");
		clock.sleep(timeoutMs, done).then(isLate, () => {});
		signal?.addEventListener("abort", isLate, { signal: done });
	});
}

async function end(
	child: ChildProcess,
	exit: Promise<Exit>,
	clock: Clock,
	graceMs: number,
	done: AbortSignal,
): Promise<void> {
	kill(child, "SIGTERM");
	await Promise.race([exit, clock.sleep(graceMs, done)]);
	// Also when it ended by itself: what it started may not have.
	kill(child, "SIGKILL");
	await Promise.race([exit, clock.sleep(REAP_MS, done)]);
}

function kill(child: ChildProcess, signal: NodeJS.Signals): void {
	if (child.pid === undefined) return;
	try {
		// Windows has no process groups: there its children are left.
		if (process.platform === "win32") child.kill(signal);
		else process.kill(-child.pid, signal);
	} catch {
		// Nothing of it is left.
	}
}

/** The first bytes of an output. */
class Capture {
	readonly closed: Promise<void>;
	truncated = false;
	readonly #chunks: Buffer[] = [];
	#left: number;

	constructor(stream: Readable | null, maxBytes: number) {
		this.#left = maxBytes;
		this.closed = new Promise((resolve) => {
			if (stream === null) return resolve();
			stream.on("data", (chunk: Buffer) => this.#keep(chunk));
			stream.once("close", resolve);
			stream.once("error", () => resolve());
		});
	}

	get text(): string {
		return Buffer.concat(this.#chunks).toString("utf8");
	}

	#keep(chunk: Buffer): void {
		this.truncated ||= chunk.length > this.#left;
		const kept = chunk.subarray(0, this.#left);
		this.#left -= kept.length;
		if (kept.length > 0) this.#chunks.push(kept);
	}
}

/** Without the cause: Node's error holds all arguments. */
function notStarted(program: string, error: unknown): BatonError {
	const errno = errnoOf(error);
	const reasons: Record<string, string> = {
		ENOENT: "it, or its working folder, does not exist",
		EACCES: "permission denied",
		E2BIG: "too much to pass to it",
	};
	const reason = reasons[errno ?? ""] ?? errno ?? "unknown reason";
	return new BatonError("command-failed", `cannot start ${program}: ${reason}`, {
		hint: "look whether it is installed, and name it by its full path",
	});
}

function tookTooLong(program: string, ms: number): BatonError {
	return new BatonError("timed-out", `${program} took longer than ${ms / 1000} s and was ended`, {
		hint: "run it by hand to see what it waits for",
	});
}
