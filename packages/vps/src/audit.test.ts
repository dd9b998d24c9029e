import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Note } from "@baton/core/effect";
import { afterEach, beforeEach, expect, test } from "vitest";
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

test("it grows to a limit, and the older half is kept until the next is full", async () => {
	const audit = open(1000);
	for (let n = 0; n < 100; n += 1) audit.write("default", note(`n${n}`), n);
	await audit.flushed();
	expect(readdirSync(folder).sort()).toEqual(["audit.1.jsonl", "audit.jsonl"]);
	for (const file of readdirSync(folder)) {
		expect(statSync(join(folder, file)).size).toBeLessThan(1400);
	}
	expect(readFileSync(join(folder, "audit.jsonl"), "utf8")).toContain('"n99"');
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
