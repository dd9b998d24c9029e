import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import { Secret } from "@baton/core/secret";
import { describe, expect, it } from "vitest";
import { fakeClock } from "./clock.ts";
import { createLog, type LogFields, type LogOptions, type LogStream } from "./log.ts";

const START = Date.UTC(2026, 10, 21, 9, 30, 5);

type Settings = Partial<Omit<LogOptions, "stream">> & { stream?: Partial<LogStream> };

function opened(options: Settings = {}) {
	const lines: string[] = [];
	const stream = { write: (line: string) => void lines.push(line), ...options.stream };
	const log = createLog({ env: {}, clock: fakeClock(START), ...options, stream });
	return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "") };
}

describe("what is written", () => {
	it("is one JSON line an event", () => {
		const { log, lines, last } = opened();
		log.info("claimed", { host: "vps", generation: 1, ok: true, reason: undefined });
		expect(lines[0]).toMatch(/^\{.*\}\n$/);
		expect(last()).toEqual({
			level: "info",
			time: "2026-11-21T09:30:05.000Z",
			msg: "claimed",
			host: "vps",
			generation: 1,
			ok: true,
		});
	});

	it("is only what is known, of its kind", () => {
		const { log, last } = opened();
		const fields: Record<string, unknown> = {
			token: "topsecret",
			accessToken: "topsecret",
			toString: "topsecret",
			msg: "topsecret",
			level: "topsecret",
			host: { token: "topsecret" },
			name: ["topsecret"],
			device: new Secret("topsecret"),
			generation: "topsecret",
			attempt: Number.NaN,
			path: "/a",
		};
		log.info("x", fields as LogFields);
		expect(last()).toEqual({ level: "info", time: expect.any(String), msg: "x", path: "/a" });
	});

	it("shows the front of a fingerprint and nothing else in its place", () => {
		const { log, last } = opened();
		log.info("x", { fp: "0123456789abcdef".repeat(4), previousFp: "topsecret" });
		expect(last()).toMatchObject({ fp: "0123456789ab", previousFp: "[no fingerprint]" });
	});

	it("masks what looks like a token, cuts what is long, drops control characters", () => {
		const { log, last, lines } = opened();
		log.info("got sk-ant-oat01-abc", {
			reason: "a sk-ant-ort01-Ab_-9 b SK-ANT-x",
			path: "x".repeat(301),
			error: "a\u001b[31m\n\u009bb",
		});
		expect(last()).toMatchObject({
			msg: "got [secret]",
			reason: "a [secret] b [secret]",
			path: `${"x".repeat(299)}…`,
			error: "a [31m b",
		});
		expect(lines.join("")).not.toMatch(/sk-ant/i);
	});

	it("has a lowest level, and fields in common", () => {
		const { log, lines, last } = opened({ level: "warn" });
		log.info("x");
		log.debug("x");
		expect(lines).toEqual([]);
		log.with({ host: "a", attempt: 1 }).with({ attempt: 2 }).warn("x", { step: "take" });
		expect(last()).toMatchObject({ level: "warn", host: "a", attempt: 2, step: "take" });
	});
});

describe("failure", () => {
	it("tells a BatonError whole, and the errno behind it", () => {
		const { log, last } = opened();
		const cause = Object.assign(new Error("topsecret"), { code: "ENOSPC" });
		const error = new BatonError("disk-failed", "cannot write /a", { hint: "free space", cause });
		log.failure("write failed", error, { path: "/a" });
		expect(last()).toMatchObject({
			level: "error",
			msg: "write failed",
			code: "disk-failed",
			error: "cannot write /a",
			hint: "free space",
			errno: "ENOSPC",
			path: "/a",
		});
	});

	it("tells of others only what cannot quote a secret", () => {
		const { log, last, lines } = opened();
		log.failure("x", new TypeError("topsecret\n    more topsecret"));
		expect(last()).toMatchObject({
			error: "TypeError",
			at: expect.stringContaining("log.test.ts"),
		});
		log.failure("x", "topsecret");
		expect(last()).toMatchObject({ error: "string" });
		expect(lines.join("")).not.toContain("topsecret");
	});
});

describe("on a terminal", () => {
	const stream = { isTTY: true };

	it("is short and plain where no colour is wanted", () => {
		for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
			const { log, lines } = opened({ stream, env });
			log.info("claimed", { host: "vps", reason: "a b", code: 'c"' });
			log.warn("late");
			log.error("gone");
			const now = new Date(START).toTimeString().slice(0, 8);
			expect(lines).toEqual([
				`${now} claimed  host=vps reason="a b" code="c\\""\n`,
				`${now} warning: late\n`,
				`${now} error: gone\n`,
			]);
		}
	});

	it("has colour otherwise", () => {
		const { log, lines } = opened({ stream });
		log.error("gone");
		expect(lines[0]).toContain("\u001b[31merror: \u001b[0mgone");
	});
});

describe("under systemd", () => {
	it("has a priority and no time, but only if the stream is the journal's", () => {
		const folder = mkdtempSync(join(tmpdir(), "baton-"));
		const fd = openSync(join(folder, "journal"), "w");
		try {
			const { dev, ino } = fstatSync(fd);
			const { log, lines } = opened({ stream: { fd }, env: { JOURNAL_STREAM: `${dev}:${ino}` } });
			log.info("a");
			log.warn("b");
			expect(lines).toEqual(['<6>{"level":"info","msg":"a"}\n', '<4>{"level":"warn","msg":"b"}\n']);
			const other = opened({ stream: { fd }, env: { JOURNAL_STREAM: "8:1" } });
			other.log.info("a");
			expect(other.last()).toHaveProperty("time");
		} finally {
			closeSync(fd);
			rmSync(folder, { recursive: true });
		}
	});
});

it("survives a reader that went away", () => {
	const listeners: (() => void)[] = [];
	opened({ stream: { on: (_event, listener) => void listeners.push(listener) } });
	expect(listeners).toHaveLength(1);
	listeners[0]?.();
});
