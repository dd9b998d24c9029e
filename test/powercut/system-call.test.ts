import { describe, expect, test } from "vitest";
import { diskEvents } from "./disk-event.ts";
import { dataOf, descriptor, parseCall, type SystemCall } from "./system-call.ts";

const hex = (text: string) =>
	[...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

function call(text: string): SystemCall {
	const parsed = parseCall(`1795304963.628802 ${text} <0.000594>`, "7");
	if (parsed === undefined) throw new Error("not a call");
	return parsed;
}

describe("a line of strace", () => {
	test("tells when a call began and ended, and what it returned", () => {
		expect(call(`fsync(17<${hex("/r/x")}>) = 0`)).toMatchObject({
			name: "fsync",
			from: 1_795_304_963_628_802,
			until: 1_795_304_963_629_396,
			result: 0,
		});
	});

	test.each([
		[
			"a call that its program did not outlive",
			`write(3<${hex("/r/x")}>, "${hex("a")}", 1 <unfinished ...>`,
		],
		["a call without a result", "exit_group(0) = ?"],
		["the end of a program", "+++ exited with 0 +++"],
	])("is no whole call: %s", (_what, text) => {
		expect(parseCall(`1795304963.628802 ${text}`, "7")).toBeUndefined();
	});

	test("names the file, and what was written of the data", () => {
		const written = call(`write(17<${hex("/r/a > b")}>, "${hex('say "hi"')}", 8) = 4`);
		expect(descriptor(written)).toEqual({ number: 17, what: "/r/a > b" });
		expect(dataOf(written).toString()).toBe("say ");
	});

	test("names a socket, and the data of all its parts", () => {
		const vector = `[{iov_base="${hex("one ")}", iov_len=4}, {iov_base="${hex("two")}", iov_len=3}], 2`;
		const sent = call(`writev(9<UNIX-STREAM:[12->13,"${hex("/r/s")}"]>, ${vector}) = 7`);
		expect(descriptor(sent)?.what).toMatch(/^UNIX-STREAM/);
		expect(dataOf(sent).toString()).toBe("one two");
	});
});

describe("what was done to a disk", () => {
	const changes = (...lines: string[]) =>
		diskEvents(lines.map(call), "/r").map(({ from: _f, until: _u, ...change }) => change);

	test("follows each file's own offset", () => {
		const write = (text: string) => `write(5<${hex("/r/x")}>, "${hex(text)}", 2) = 2`;
		const open = `openat(AT_FDCWD<${hex("/")}>, "${hex("/r/x")}", O_WRONLY|O_CREAT|O_EXCL, 0600) = 5<${hex("/r/x")}>`;
		expect(changes(open, write("ab"), write("cd"))).toEqual([
			{ kind: "create", path: "/r/x", mode: 0o600, cuts: false },
			{ kind: "write", path: "/r/x", at: 0, bytes: Buffer.from("ab") },
			{ kind: "write", path: "/r/x", at: 2, bytes: Buffer.from("cd") },
		]);
	});

	test("leaves out what is elsewhere, and claude's locks", () => {
		const elsewhere = `rename("${hex("/else/a")}", "${hex("/else/b")}") = 0`;
		const lock = `mkdir("${hex("/r/c/.oauth_refresh.lock")}", 0777) = 0`;
		const kept = `rename("${hex("/r/a")}", "${hex("/r/b")}") = 0`;
		expect(changes(elsewhere, lock, kept)).toEqual([{ kind: "rename", path: "/r/a", to: "/r/b" }]);
	});

	test("is not guessed where a call passes by the model", () => {
		expect(() => changes(`syncfs(4<${hex("/r")}>) = 0`)).toThrow("not modelled");
		const ring = (flags: string) => `io_uring_setup(64, {flags=${flags}, sq_thread_cpu=0}) = 4`;
		expect(() => changes(ring("IORING_SETUP_SQPOLL|0x10000"))).toThrow("not modelled");
		expect(changes(ring("0x10000 /* IORING_SETUP_??? */"))).toEqual([]);
	});
});
