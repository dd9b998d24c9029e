import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { type FileHandle, open as openFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Note } from "@baton/core/effect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type AuditLog, openAudit } from "./audit.ts";

let folder: string;
let troubles: string[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-audit-"));
	troubles = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(maxBytes?: number): AuditLog {
	const onTrouble = (error: Error) => troubles.push(error.message);
	return openAudit({ folder, onTrouble, ...(maxBytes === undefined ? {} : { maxBytes }) });
}

const note = (what: string): Note => ({ type: "note", level: "info", what, fp: "f".repeat(64) });

test("one line a note, in order, for its owner only", async () => {
	const audit = open();
	for (let n = 0; n < 50; n += 1) audit.write("default", note(`n${n}`), n);
	await audit.flushed();
	const path = join(folder, "audit.jsonl");
	const lines = readFileSync(path, "utf8").trimEnd().split("\n");
	expect(lines.map((line) => JSON.parse(line).what)).toEqual(lines.map((_line, n) => `n${n}`));
	expect(lines).toHaveLength(50);
	expect(JSON.parse(lines[1] ?? "")).toEqual({
		at: "1970-01-01T00:00:00.001Z",
		name: "default",
		level: "info",
		what: "n1",
		fp: "f".repeat(64),
	});
	expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a line that a power cut left half swallows none after it", async () => {
	const path = join(folder, "audit.jsonl");
	writeFileSync(path, '{"what":"whole"}\n{"what":"ha');
	const audit = open();
	for (const what of ["first", "second"]) audit.write("default", note(what), 0);
	await audit.flushed();
	const lines = readFileSync(path, "utf8").trimEnd().split("\n");
	expect(lines[1]).toBe('{"what":"ha');
	expect(lines.slice(2).map((line) => JSON.parse(line).what)).toEqual(["first", "second"]);
});

test("a note about a sink names it", async () => {
	const audit = open();
	audit.write("default", { ...note("sink-paused"), sink: "claude", reason: "foreign" }, 0);
	await audit.flushed();
	const line = JSON.parse(readFileSync(join(folder, "audit.jsonl"), "utf8"));
	expect(line).toMatchObject({ what: "sink-paused", sink: "claude", reason: "foreign" });
});

test("only known fields are written", async () => {
	const audit = open();
	const more = { ...note("n"), accessToken: "sk-secret" } as Note;
	audit.write("default", more, 0);
	await audit.flushed();
	expect(readFileSync(join(folder, "audit.jsonl"), "utf8")).not.toContain("sk-secret");
});

/** What it tells, from the oldest file on. */
function told(): string[] {
	const files = readdirSync(folder).sort((a, b) => b.localeCompare(a, "en", { numeric: true }));
	const newest = files.shift() ?? "";
	return [...files, newest]
		.flatMap((file) => readFileSync(join(folder, file), "utf8").split("\n"))
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line).what);
}
const upTo = (from: number, to: number) =>
	Array.from({ length: to - from }, (_, n) => `n${from + n}`);

test("it is kept in five files at most, the newest lines of all without a hole", async () => {
	const audit = open(1000);
	for (let n = 0; n < 99; n += 1) audit.write("default", note(`n${n}`), n);
	await audit.flushed();
	const older = [1, 2, 3, 4].map((n) => `audit.${n}.jsonl`);
	expect(readdirSync(folder).sort()).toEqual([...older, "audit.jsonl"]);
	for (const file of readdirSync(folder)) {
		expect(statSync(join(folder, file)).size).toBeLessThan(1400);
	}
	const lines = told();
	expect(lines).toEqual(upTo(99 - lines.length, 99));
	expect(lines.length).toBeGreaterThan(25);
});

test("killed between any two renames, no line is lost but the oldest", async () => {
	for (const gap of [1, 2, 3]) {
		const audit = open(1000);
		for (let n = 0; n < 30; n += 1) audit.write("default", note(`n${n}`), n);
		await audit.flushed();
		// As a kill leaves it that came after some of the renames, and before the next.
		for (let n = 3; n >= gap; n -= 1) {
			renameSync(join(folder, `audit.${n}.jsonl`), join(folder, `audit.${n + 1}.jsonl`));
		}
		const before = told();
		for (let n = 30; n < 40; n += 1) audit.write("default", note(`n${n}`), n);
		await audit.flushed();
		expect(told()).toEqual([...before, ...upTo(30, 40)]);
		for (const file of readdirSync(folder)) rmSync(join(folder, file));
	}
});

test("lines that the disk refused come in their order once it takes them", async () => {
	const path = join(folder, "audit.jsonl");
	mkdirSync(path);
	const audit = open();
	for (let n = 0; n < 1_002; n += 1) audit.write("default", note(`n${n}`), n);
	await audit.flushed();
	rmSync(path, { recursive: true });
	audit.write("default", note("n1002"), 0);
	await audit.flushed();
	expect(told()).toEqual(upTo(3, 1_003));
	expect(troubles).toHaveLength(1);
});

test("what cannot be written is told once, and holds nobody up", async () => {
	symlinkSync("/dev/null", join(folder, "audit.jsonl"));
	const audit = open();
	audit.write("default", note("a"), 0);
	audit.write("default", note("b"), 0);
	await audit.flushed();
	expect(troubles).toHaveLength(1);
	expect(troubles[0]).toContain("audit.jsonl");
});

test("a line is on the disk before the next is written, and before it counts as written", async () => {
	const handle = await openFile(join(folder, "any"), "w");
	const handles = Object.getPrototypeOf(handle) as FileHandle;
	await handle.close();
	const [write, sync] = [handles.appendFile, handles.sync];
	const steps: string[] = [];
	vi.spyOn(handles, "appendFile").mockImplementation(async function (this: FileHandle, ...given) {
		await write.apply(this, given);
		steps.push("written");
	});
	vi.spyOn(handles, "sync").mockImplementation(async function (this: FileHandle) {
		await sync.apply(this);
		steps.push("synced");
	});
	const audit = open();
	audit.write("default", note("one"), 0);
	audit.write("default", note("two"), 0);
	await audit.flushed();
	vi.restoreAllMocks();
	expect(steps).toEqual(["written", "synced", "written", "synced"]);
});
