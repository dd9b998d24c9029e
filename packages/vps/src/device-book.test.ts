import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOUR, MINUTE } from "@baton/core/duration";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DeviceBook } from "./device-book.ts";

let folder: string;
let file: string;
let keys: string;
let clock: FakeClock;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-book-"));
	file = join(folder, "devices.json");
	keys = join(folder, "authorized_keys");
	clock = fakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = () => DeviceBook.open(file, clock);
/** As found by a service that starts after this one was killed. */
const found = async (device: string) =>
	(await open()).facts().find((facts) => facts.device === device);
const inode = () => statSync(file, { bigint: true }).ino;

test("the last contact is exact, and on the disk to the hour", async () => {
	const book = await open();
	const first = clock.now();
	await book.spoke("laptop");
	expect(await found("laptop")).toMatchObject({ lastContact: first });
	const before = inode();
	for (let minute = 0; minute < 59; minute += 1) {
		await clock.advance(MINUTE);
		await book.spoke("laptop");
	}
	expect(inode()).toBe(before);
	expect(book.facts()[0]).toMatchObject({ device: "laptop", lastContact: first + 59 * MINUTE });
	expect(await found("laptop")).toMatchObject({ lastContact: first });
	await clock.advance(MINUTE);
	await book.spoke("laptop");
	expect(await found("laptop")).toMatchObject({ lastContact: first + HOUR });
});

test("an orderly end saves what is known exactly", async () => {
	const book = await open();
	await book.spoke("laptop");
	await clock.advance(5 * MINUTE);
	await book.spoke("laptop");
	await book.close();
	expect(await found("laptop")).toMatchObject({ lastContact: clock.now() });
});

test("forgotten is durable, ends what is open, and lasts until a line stands there again", async () => {
	const book = await open();
	const ended: string[] = [];
	const close = book.attach("laptop", { destroy: () => ended.push("first") });
	book.attach("laptop", { destroy: () => ended.push("second") });
	book.attach("desktop", { destroy: () => ended.push("desktop") });
	close();
	expect(book.openOf("laptop")).toBe(1);
	expect(await book.admits("laptop")).toBe(true);
	await book.forget("laptop", keys);
	expect(ended).toEqual(["second"]);
	const later = await open();
	expect([later.isForgotten("laptop"), later.isForgotten("desktop")]).toEqual([true, false]);
	expect(await later.admits("laptop")).toBe(false);
	const line = (device: string) =>
		`restrict,command="batond accept --device ${device}" ssh-ed25519 AAAA x\n`;
	writeFileSync(keys, line("desktop"));
	expect(await later.admits("laptop")).toBe(false);
	writeFileSync(keys, line("desktop") + line("laptop"));
	expect(await later.admits("laptop")).toBe(true);
	expect(await found("laptop")).not.toHaveProperty("forgottenAt");
});

test("forgotten at once, even if the disk refuses to remember it", async () => {
	const book = await open();
	rmSync(folder, { recursive: true });
	await expect(book.forget("laptop", keys)).rejects.toMatchObject({ code: "disk-failed" });
	expect(await book.admits("laptop")).toBe(false);
});

test("names without end push out those that only spoke, never one that is forgotten", async () => {
	const book = await open();
	await book.forget("laptop", keys);
	for (let n = 0; n < 300; n += 1) void book.spoke(`pc${n}`);
	const names = book.facts().map(({ device }) => device);
	expect(names).toHaveLength(256);
	expect(names).toContain("laptop");
	expect(names).toContain("pc299");
	expect(names).not.toContain("pc0");
	await book.close();
});
