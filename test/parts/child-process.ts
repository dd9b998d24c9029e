import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { atEnd } from "./at-end.ts";

export interface ChildOptions {
	/** Program and arguments; never goes through a shell. */
	argv: readonly [string, ...string[]];
	/**
	 * The whole environment but PATH and LANG. Nothing else is inherited: no HOME, no XDG folder and
	 * no secret of the person who runs the tests.
	 */
	env?: Record<string, string>;
	cwd?: string;
	/** `stopAllChildren` leaves it: it serves more than one test. It still ends with this process. */
	serves?: boolean;
	/** Bytes kept of stdout and of stderr each; older ones are forgotten. 1 MiB unless given. */
	keepBytes?: number;
}

export interface Exit {
	/** Null when a signal ended it. */
	code: number | null;
	signal: NodeJS.Signals | null;
}

/** A program started by a test, with what it has said so far. */
export interface Child {
	readonly pid: number;
	stdout(): string;
	stderr(): string;
	/** Undefined while it runs. */
	exit(): Exit | undefined;
	write(text: string): void;
	endInput(): void;
	/**
	 * The first whole line on either stream that matches, also one said before. Throws after
	 * `limitMs` (10 s) or when the program ends without it.
	 */
	line(pattern: RegExp, limitMs?: number): Promise<string>;
	/** Hears each whole line of either stream from now on. */
	onLine(listener: (line: string) => void): void;
	/** Sends a signal to this process alone; SIGKILL unless given. */
	kill(signal?: NodeJS.Signals): void;
	/**
	 * Resolves when it has ended and what it said is read; a child of its own that holds the streams
	 * open is not waited for. Throws after `limitMs` (10 s).
	 */
	ended(limitMs?: number): Promise<Exit>;
	/** Kills it and what it started, and waits for its end. */
	stop(): Promise<void>;
}

/** How long the streams may stay open after the end of the program itself. */
const LAST_WORDS_MS = 250;

const running = new Set<ChildProcess>();
const serving = new WeakSet<ChildProcess>();
let registered = false;

/** Starts a program in a process group of its own. Throws when it cannot be started. */
export async function startChild(options: ChildOptions): Promise<Child> {
	const [program, ...args] = options.argv;
	const child = spawn(program, args, {
		env: { PATH: process.env.PATH ?? "", LANG: "C.UTF-8", ...options.env },
		...(options.cwd === undefined ? {} : { cwd: options.cwd }),
		stdio: "pipe",
		detached: true,
	});
	await once(child, "spawn");
	running.add(child);
	if (options.serves) serving.add(child);
	if (!registered) atEnd(killAllNow);
	registered = true;
	return new RunningChild(child, options.keepBytes ?? 1024 * 1024);
}

/** Runs a program to its end. Throws after `limitMs` (30 s), with the program killed. */
export async function runChild(
	options: ChildOptions & { input?: string; limitMs?: number },
): Promise<Exit & { stdout: string; stderr: string }> {
	const child = await startChild(options);
	if (options.input !== undefined) child.write(options.input);
	child.endInput();
	try {
		const exit = await child.ended(options.limitMs ?? 30_000);
		return { ...exit, stdout: child.stdout(), stderr: child.stderr() };
	} finally {
		await child.stop();
	}
}

/** Kills every program of the test that has ended, with all that they started. */
export async function stopAllChildren(): Promise<void> {
	const over = [...running].filter((child) => !serving.has(child));
	const ends = over.map((child) => once(child, "close"));
	for (const child of over) killGroup(child);
	await Promise.all(ends);
}

function killAllNow(): void {
	for (const child of running) killGroup(child);
}

class RunningChild implements Child {
	readonly pid: number;
	readonly #child: ChildProcess;
	readonly #out: Tail;
	readonly #err: Tail;
	/** Emits `news` whenever something was said or everything is over. */
	readonly #events = new EventEmitter();
	readonly #exited: Promise<unknown>;
	readonly #closed: Promise<unknown>;
	#over = false;

	constructor(child: ChildProcess, keepBytes: number) {
		this.pid = child.pid ?? -1;
		this.#child = child;
		const news = () => this.#events.emit("news");
		this.#out = new Tail(child.stdout, keepBytes, news);
		this.#err = new Tail(child.stderr, keepBytes, news);
		// Writing to a program that has gone is no fault of the test's.
		child.stdin?.on("error", () => undefined);
		this.#exited = once(child, "exit");
		this.#closed = once(child, "close");
		child.once("close", () => {
			running.delete(child);
			this.#over = true;
			news();
		});
	}

	stdout(): string {
		return this.#out.text;
	}

	stderr(): string {
		return this.#err.text;
	}

	exit(): Exit | undefined {
		const { exitCode: code, signalCode: signal } = this.#child;
		return code === null && signal === null ? undefined : { code, signal };
	}

	write(text: string): void {
		this.#child.stdin?.write(text);
	}

	endInput(): void {
		this.#child.stdin?.end();
	}

	async line(pattern: RegExp, limitMs = 10_000): Promise<string> {
		const deadline = AbortSignal.timeout(limitMs);
		for (;;) {
			const line = this.#out.line(pattern) ?? this.#err.line(pattern);
			if (line !== undefined) return line;
			if (this.#over) throw new Error(`process ${this.pid} ended without a line like ${pattern}`);
			await once(this.#events, "news", { signal: deadline }).catch(() => {
				throw new Error(`no line like ${pattern} from process ${this.pid} in ${limitMs} ms`);
			});
		}
	}

	onLine(listener: (line: string) => void): void {
		for (const tail of [this.#out, this.#err]) tail.onLine(listener);
	}

	kill(signal: NodeJS.Signals = "SIGKILL"): void {
		this.#child.kill(signal);
	}

	async ended(limitMs = 10_000): Promise<Exit> {
		await within(limitMs, this.#exited, `process ${this.pid} has not ended`);
		await Promise.race([this.#closed, pause(LAST_WORDS_MS)]);
		return this.exit() ?? { code: null, signal: null };
	}

	async stop(): Promise<void> {
		killGroup(this.#child);
		await this.#closed;
	}
}

/** The end of what a stream has said. */
class Tail {
	text = "";
	/** What follows the last line break. */
	#begun = "";
	readonly #listeners: ((line: string) => void)[] = [];

	constructor(stream: NodeJS.ReadableStream | null, keepBytes: number, news: () => void) {
		stream?.setEncoding("utf8");
		stream?.on("data", (chunk: string) => {
			this.text = (this.text + chunk).slice(-keepBytes);
			const lines = (this.#begun + chunk).split("\n");
			this.#begun = lines.pop() ?? "";
			for (const line of lines) for (const listener of this.#listeners) listener(line);
			news();
		});
	}

	line(pattern: RegExp): string | undefined {
		const whole = this.text.slice(0, this.text.lastIndexOf("\n") + 1);
		return whole.split("\n").find((line) => line !== "" && pattern.test(line));
	}

	onLine(listener: (line: string) => void): void {
		this.#listeners.push(listener);
	}
}

/** The group is the program's own, so nothing that the test did not start is in it. */
function killGroup(child: ChildProcess): void {
	if (child.pid === undefined) return;
	try {
		process.kill(-child.pid, "SIGKILL");
	} catch {
		// Nothing of the group is left.
	}
}

/** Throws when `work` takes longer than `limitMs`. */
async function within<T>(limitMs: number, work: Promise<T>, complaint: string): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`${complaint} after ${limitMs} ms`)), limitMs);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
