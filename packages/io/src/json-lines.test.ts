import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fakeClock, systemClock } from "./clock.ts";
import { readJsonLines, readLines, writeJsonLine } from "./json-lines.ts";

const OPTIONS = { clock: systemClock, idleMs: 5000 };

async function all<T>(lines: AsyncIterable<T>): Promise<T[]> {
	const got: T[] = [];
	for await (const line of lines) got.push(line);
	return got;
}

/** A stream of these pieces, each its own read. */
const pieces = (...parts: (string | number[])[]) =>
	Readable.from(
		parts.map((part) => Buffer.from(part as string)),
		{ objectMode: true },
	);

describe("readLines", () => {
	it.each<[string, (string | number[])[], string[]]>([
		["nothing", [], []],
		["two in one piece", ["a\nb\n"], ["a", "b"]],
		["one in many pieces", ["a", "b", "c\n"], ["abc"]],
		["an end split from its line", ["a\r", "\nb", "\n"], ["a", "b"]],
		["a CR within", ["a\rb\r\r\n"], ["a\rb\r"]],
		["empty ones", ["\n\r\n"], ["", ""]],
		[
			"a character split between pieces",
			[
				[0xe2, 0x82],
				[0xac, 10],
			],
			["€"],
		],
		["a byte order mark", ["\ufeffa\n"], ["\ufeffa"]],
	])("reads %s", async (_what, parts, lines) => {
		expect(await all(readLines(pieces(...parts), OPTIONS))).toEqual(lines);
	});

	it.each<[string, (string | number[])[]]>([
		["a NUL", ["a\0b\n"]],
		["half a character", [[0xe2, 0x82, 10]]],
		["an overlong form", [[0xc0, 0xaf, 10]]],
		["a surrogate", [[0xed, 0xa0, 0x80, 10]]],
		["a line cut short by the end", ["a\nb"]],
		["a line of one byte too many", ["123456789\n"]],
		["the same with a CR", ["123456789\r\n"]],
		["a long line without end", ["12345", "67890"]],
	])("refuses %s", async (_what, parts) => {
		const reading = all(readLines(pieces(...parts), { ...OPTIONS, maxLineBytes: 8 }));
		await expect(reading).rejects.toMatchObject({ code: "bad-message" });
	});

	it("takes a line of just the limit, with either end", async () => {
		const options = { ...OPTIONS, maxLineBytes: 8 };
		expect(await all(readLines(pieces("12345678\n", "12345678\r", "\n"), options))).toHaveLength(2);
	});

	it("hands out each line as it comes, and what came before a fault", async () => {
		const stream = new PassThrough();
		const lines = readLines(stream, OPTIONS);
		stream.write("a\nb");
		expect((await lines.next()).value).toBe("a");
		stream.end("\0\n");
		await expect(lines.next()).rejects.toMatchObject({ code: "bad-message" });
		expect(stream.listenerCount("error")).toBe(0);
		expect(stream.listenerCount("readable")).toBe(0);
	});

	it("leaves the stream to the caller", async () => {
		const stream = new PassThrough();
		stream.write("a\n");
		for await (const line of readLines(stream, OPTIONS)) {
			expect(line).toBe("a");
			break;
		}
		expect(stream.destroyed).toBe(false);
		stream.end("b\n");
		expect(await all(readLines(stream, OPTIONS))).toEqual(["b"]);
	});

	it("does not read on while nobody asks", async () => {
		const stream = new PassThrough({ highWaterMark: 10 });
		const lines = readLines(stream, OPTIONS);
		stream.write("a\n");
		await lines.next();
		stream.write("b\n".repeat(20));
		await new Promise(setImmediate);
		expect(stream.readableLength + stream.writableLength).toBeGreaterThan(0);
		expect(stream.writableNeedDrain).toBe(true);
	});
});

describe("time", () => {
	const outcome = (reading: Promise<unknown>) =>
		reading.then(
			() => "done",
			(error: { code: string }) => error.code,
		);

	it("ends a wait for a silent other side", async () => {
		const clock = fakeClock();
		const stream = new PassThrough();
		const reading = outcome(all(readLines(stream, { clock, idleMs: 1000 })));
		await clock.advance(900);
		stream.write("a");
		await clock.advance(900);
		expect(clock.sleepers).toBe(1);
		await clock.advance(100);
		expect(await reading).toBe("timed-out");
		expect(clock.sleepers).toBe(0);
	});

	it("ends one that drips for ever", async () => {
		const clock = fakeClock();
		const stream = new PassThrough();
		const reading = outcome(all(readLines(stream, { clock, idleMs: 1000, totalMs: 5000 })));
		for (let n = 0; n < 10; n++) {
			stream.write("a");
			await clock.advance(500);
		}
		expect(await reading).toBe("timed-out");
	});

	it("ends one that never stops", async () => {
		const clock = fakeClock();
		const endless = Readable.from(
			(function* () {
				for (;;) yield Buffer.from("a\n");
			})(),
		);
		const lines = readLines(endless, { clock, idleMs: 1000, totalMs: 1000 });
		const reading = (async () => {
			for await (const _line of lines) await clock.advance(100);
		})();
		expect(await outcome(reading)).toBe("timed-out");
	});

	it("ends when told to", async () => {
		const stop = new AbortController();
		const stream = new PassThrough();
		const reading = all(readLines(stream, { ...OPTIONS, signal: stop.signal }));
		stop.abort(new Error("enough"));
		await expect(reading).rejects.toThrow("enough");
		expect(stream.listenerCount("end")).toBe(0);
	});
});

describe("readJsonLines", () => {
	it("reads objects", async () => {
		const lines = readJsonLines(pieces('{"v":1}\n{"a":[1]}\r\n'), OPTIONS);
		expect(await all(lines)).toEqual([{ v: 1 }, { a: [1] }]);
	});

	it.each(["", "x", "[]", "null", "1", '"a"', '{"a":topsecret}'])("refuses %j", async (line) => {
		const reading = all(readJsonLines(pieces(`${line}\n`), OPTIONS));
		const failure = await reading.catch((error: unknown) => error);
		expect(failure).toMatchObject({ code: "bad-message" });
		expect(failure).not.toHaveProperty("cause");
		expect(String(failure)).not.toContain("topsecret");
	});
});

describe.skipIf(process.platform === "win32")("over a socket", () => {
	let folder: string;
	let server: Server;
	let ours: Socket;
	let theirs: Socket;
	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "baton-"));
		server = createServer().listen(join(folder, "s"));
		await once(server, "listening");
		ours = createConnection(join(folder, "s"));
		[theirs] = (await once(server, "connection")) as [Socket];
	});
	afterEach(() => {
		ours.destroy();
		theirs.destroy();
		server.close();
		rmSync(folder, { recursive: true });
	});
	const write = (value: object, timeoutMs = 5000, clock = systemClock) =>
		writeJsonLine(ours, value, { clock, timeoutMs });

	it("passes objects", async () => {
		await write({ v: 1, text: "ü\n" });
		await write({ v: 2 });
		ours.end();
		expect(await all(readJsonLines(theirs, OPTIONS))).toEqual([{ v: 1, text: "ü\n" }, { v: 2 }]);
	});

	it("says that the connection broke", async () => {
		const reading = all(readLines(theirs, OPTIONS));
		theirs.destroy(new Error("reset"));
		await expect(reading).rejects.toMatchObject({ code: "host-unreachable" });
	});

	it("ends quietly where the other side left", async () => {
		const reading = all(readLines(ours, OPTIONS));
		theirs.destroy();
		expect(await reading).toEqual([]);
	});

	it("does not wait for ever for room", async () => {
		const clock = fakeClock();
		const text = "x".repeat(60_000);
		let stuck: Promise<unknown> | undefined;
		while (!ours.writableNeedDrain) {
			stuck = write({ text }, 1000, clock).catch((error: unknown) => error);
			await new Promise(setImmediate);
		}
		await clock.advance(1000);
		expect(await stuck).toMatchObject({ code: "timed-out" });
		expect(clock.sleepers).toBe(0);
	});

	it("writes no line the other side must refuse", async () => {
		await expect(write({ text: "x".repeat(65_536) })).rejects.toMatchObject({
			code: "bad-message",
		});
		expect(ours.bytesWritten).toBe(0);
	});

	it("says that it cannot write any more", async () => {
		ours.end();
		await expect(write({})).rejects.toMatchObject({ code: "host-unreachable" });
		theirs.destroy();
	});
});
