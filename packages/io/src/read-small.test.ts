import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readSmall } from "./read-small.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const refused = { code: "unsafe-path" };

it("reads up to the limit and nothing larger", async () => {
	const file = join(folder, "a");
	writeFileSync(file, "12345");
	expect((await readSmall(file, { maxBytes: 5 }))?.toString()).toBe("12345");
	await expect(readSmall(file, { maxBytes: 4 })).rejects.toMatchObject(refused);
	writeFileSync(file, "");
	expect((await readSmall(file, { maxBytes: 0 }))?.length).toBe(0);
});

it("answers undefined for a missing file or folder", async () => {
	expect(await readSmall(join(folder, "none"), { maxBytes: 5 })).toBeUndefined();
	expect(await readSmall(join(folder, "none", "a"), { maxBytes: 5 })).toBeUndefined();
});

it("refuses a folder, a link and a file in a folder's place", async () => {
	writeFileSync(join(folder, "a"), "x");
	symlinkSync("a", join(folder, "link"));
	for (const path of [folder, join(folder, "link"), join(folder, "a", "b")]) {
		await expect(readSmall(path, { maxBytes: 5 })).rejects.toMatchObject(refused);
	}
});

it.skipIf(process.platform === "win32")("refuses a pipe without waiting on it", async () => {
	const pipe = join(folder, "pipe");
	execFileSync("/usr/bin/mkfifo", [pipe]);
	await expect(readSmall(pipe, { maxBytes: 5 })).rejects.toMatchObject(refused);
});

it.skipIf(process.platform === "win32")("refuses a socket and a device", async () => {
	const path = join(folder, "socket");
	const server = createServer().listen(path);
	await new Promise((resolve) => server.once("listening", resolve));
	await expect(readSmall(path, { maxBytes: 5 })).rejects.toMatchObject(refused);
	server.close();
	await expect(readSmall("/dev/zero", { maxBytes: 5 })).rejects.toMatchObject(refused);
});

it.runIf(process.platform === "linux")(
	"limits a file that says it is empty and is not",
	async () => {
		// Files in /proc have a size of 0.
		await expect(readSmall("/proc/self/status", { maxBytes: 9 })).rejects.toMatchObject(refused);
		expect((await readSmall("/proc/self/comm", { maxBytes: 99 }))?.length).toBeGreaterThan(1);
	},
);
