/**
 * One JSON object a line over any Node stream: an SSH channel, a Unix socket, a pipe.
 *
 * Nothing the other side sends can fill memory, keep us waiting for ever or reach the caller
 * half-read. Neither reader nor writer ends the stream; whoever opened it does.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { BatonError } from "@baton/core/error";
import type { Clock } from "./clock.ts";

/** Limit of one line, newline not counted, bytes. */
const MAX_LINE_BYTES = 65_536;

export interface ReadLinesOptions {
	clock: Clock;
	/** The longest wait for the next piece, ms. */
	idleMs: number;
	/** The longest the whole may take, ms; unlimited unless given. */
	totalMs?: number;
	/** Limit of one line, bytes; 65536 unless given. */
	maxLineBytes?: number;
	/** Ends the wait, with its reason. */
	signal?: AbortSignal;
}

/**
 * The lines as text, without their end (LF or CRLF). The end of the stream ends them.
 *
 * @throws BatonError `bad-message` for a line that is too long, holds a NUL or is not UTF-8, or is cut
 * short by the end; `timed-out`; `host-unreachable` when the stream fails
 */
export async function* readLines(
	stream: Readable,
	options: ReadLinesOptions,
): AsyncGenerator<string, void, undefined> {
	const lines = new LineSplitter(options.maxLineBytes ?? MAX_LINE_BYTES);
	const deadline = options.clock.monotonic() + (options.totalMs ?? Number.POSITIVE_INFINITY);
	// An error while nobody waits would end the process; `nextPiece` finds it on the stream.
	const ignore = () => {};
	stream.on("error", ignore);
	try {
		for (;;) {
			const piece = await nextPiece(stream, deadline, options);
			if (piece === undefined) return lines.end();
			yield* lines.push(piece);
		}
	} finally {
		stream.off("error", ignore);
	}
}

/**
 * The lines as JSON objects; their fields are the caller's to check.
 *
 * @throws BatonError as `readLines` does; `bad-message` also for anything but an object
 */
export async function* readJsonLines(
	stream: Readable,
	options: ReadLinesOptions,
): AsyncGenerator<Record<string, unknown>, void, undefined> {
	for await (const line of readLines(stream, options)) yield parseObject(line);
}

export interface WriteLineOptions {
	clock: Clock;
	/** The longest wait for the other side to take it, ms. */
	timeoutMs: number;
	/** Limit of the line, bytes; 65536 unless given. */
	maxLineBytes?: number;
}

/**
 * Writes one object as a line, and resolves once there is room for the next.
 *
 * @throws BatonError `bad-message` if it is too long to be read; `timed-out`; `host-unreachable` when
 * the stream failed or was ended
 */
export async function writeJsonLine(
	stream: Writable,
	value: object,
	{ clock, timeoutMs, maxLineBytes = MAX_LINE_BYTES }: WriteLineOptions,
): Promise<void> {
	const line = Buffer.from(`${JSON.stringify(value)}\n`);
	if (line.length - 1 > maxLineBytes) throw badMessage("the message to send is too long");
	if (!stream.writable) throw lost(stream.errored);
	const ignore = () => {};
	stream.on("error", ignore);
	try {
		if (stream.write(line) || !stream.writableNeedDrain) return;
		await until(stream, ["drain"], clock, timeoutMs);
		if (stream.writableNeedDrain) throw lost(stream.errored);
	} finally {
		stream.off("error", ignore);
	}
}

async function nextPiece(
	stream: Readable,
	deadline: number,
	{ clock, idleMs, signal }: ReadLinesOptions,
): Promise<Buffer | undefined> {
	const end = Math.min(clock.monotonic() + idleMs, deadline);
	for (;;) {
		signal?.throwIfAborted();
		const left = end - clock.monotonic();
		if (left <= 0) throw tooLate();
		const piece: unknown = stream.read();
		if (piece !== null) return Buffer.from(piece as Uint8Array | string);
		if (stream.errored) throw lost(stream.errored);
		if (stream.readableEnded || stream.destroyed) return undefined;
		await until(stream, ["readable", "end"], clock, left, signal);
	}
}

/** Waits for one of the events, or for the stream to close or fail: the caller looks which. */
async function until(
	stream: Readable | Writable,
	events: readonly string[],
	clock: Clock,
	ms: number,
	signal?: AbortSignal,
): Promise<void> {
	const over = new AbortController();
	const stop = () => over.abort();
	signal?.addEventListener("abort", stop);
	const waits: Promise<unknown>[] = [...events, "close", "error"].map((event) =>
		once(stream, event, { signal: over.signal }),
	);
	waits.push(
		clock.sleep(ms, over.signal).then(() => {
			throw tooLate();
		}),
	);
	try {
		await Promise.race(waits);
	} catch (error) {
		signal?.throwIfAborted();
		throw error instanceof BatonError ? error : lost(error);
	} finally {
		signal?.removeEventListener("abort", stop);
		over.abort();
		await Promise.allSettled(waits);
	}
}

/** Cuts bytes into lines, holding no more than one. */
class LineSplitter {
	readonly #maxBytes: number;
	#pieces: Buffer[] = [];
	#held = 0;

	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	*push(piece: Buffer): Generator<string, void, undefined> {
		let rest = piece;
		for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
			this.#hold(rest.subarray(0, end));
			yield this.#take();
			rest = rest.subarray(end + 1);
		}
		this.#hold(rest);
	}

	end(): void {
		if (this.#held > 0) throw badMessage("a line was cut short");
	}

	#hold(piece: Buffer): void {
		this.#held += piece.length;
		// One more for the CR that may yet prove part of the line's end.
		if (this.#held > this.#maxBytes + 1) throw badMessage("a line is too long");
		if (piece.length > 0) this.#pieces.push(piece);
	}

	#take(): string {
		let line = Buffer.concat(this.#pieces);
		this.#pieces = [];
		this.#held = 0;
		if (line.at(-1) === 13) line = line.subarray(0, -1);
		if (line.length > this.#maxBytes) throw badMessage("a line is too long");
		if (line.includes(0)) throw badMessage("a line holds a NUL");
		try {
			return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line);
		} catch {
			throw badMessage("a line is not UTF-8");
		}
	}
}

function parseObject(line: string): Record<string, unknown> {
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		// Without the cause: it may quote the line.
		throw badMessage("a line is not JSON");
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw badMessage("a line is not a JSON object");
	}
	return value as Record<string, unknown>;
}

function badMessage(fault: string): BatonError {
	return new BatonError("bad-message", fault, {
		hint: "look whether both ends are of fitting versions",
	});
}

function tooLate(): BatonError {
	return new BatonError("timed-out", "the other side took too long", {
		hint: "look whether it is up and the link is good, then try again",
	});
}

function lost(cause: unknown): BatonError {
	return new BatonError("host-unreachable", "the connection was lost", {
		hint: "try again",
		...(cause ? { cause } : {}),
	});
}
