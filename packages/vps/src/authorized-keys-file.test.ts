import {
	chmodSync,
	chownSync,
	linkSync,
	mkdirSync,
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
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAuthorizedKeys, removeDevice } from "./authorized-keys-file.ts";

const KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDJbBFr6Ufr6nNqLnMjUHi4Z6A2i7CrR9Wy0gxv0HPFs";
const PAIRED = (device: string) =>
	`restrict,command="batond accept --device ${device}" ssh-ed25519 ${KEY} baton:${device}\n`;
const MINE = `# mine\nssh-rsa AAAA me\n`;

let folder: string;
let file: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-keys-"));
	file = join(folder, "authorized_keys");
	writeFileSync(file, MINE + PAIRED("laptop") + PAIRED("desktop") + PAIRED("laptop"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("exactly the device's lines go, and the mode stays, also a rare one", async () => {
	chmodSync(file, 0o640);
	const removed = await removeDevice(file, "laptop");
	expect(removed.map(({ line }) => line)).toEqual([3, 5]);
	expect(readFileSync(file, "utf8")).toBe(MINE + PAIRED("desktop"));
	expect(statSync(file).mode & 0o7777).toBe(0o640);
	expect(readdirSync(folder)).toEqual(["authorized_keys"]);
});

test.skipIf(process.getuid?.() !== 0)("the group stays", async () => {
	chownSync(file, 0, 4242);
	await removeDevice(file, "laptop");
	expect(statSync(file).gid).toBe(4242);
});

test("where there is no line nothing is written", async () => {
	const before = statSync(file, { bigint: true });
	expect(await removeDevice(file, "lap")).toEqual([]);
	const after = statSync(file, { bigint: true });
	expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
	expect(await removeDevice(join(folder, "none"), "laptop")).toEqual([]);
});

test("through a link it is read and not written; the hint names the file itself", async () => {
	const link = join(folder, "link");
	symlinkSync(file, link);
	const before = readFileSync(file);
	expect((await readAuthorizedKeys(link))?.entries).toHaveLength(3);
	await expect(removeDevice(link, "laptop")).rejects.toMatchObject({
		code: "unsafe-path",
		hint: `name the file itself: --authorized-keys ${file}`,
	});
	expect(readFileSync(file).equals(before)).toBe(true);
});

test("a file with a second name is left alone", async () => {
	linkSync(file, join(folder, "other"));
	await expect(removeDevice(file, "laptop")).rejects.toMatchObject({ code: "unsafe-path" });
	expect(readFileSync(file, "utf8")).toContain("laptop");
});

test("a folder and a file of more than a megabyte are refused", async () => {
	mkdirSync(join(folder, "d"));
	await expect(readAuthorizedKeys(join(folder, "d"))).rejects.toMatchObject({
		code: "unsafe-path",
	});
	writeFileSync(file, "#".repeat(1024 * 1024 + 1));
	await expect(readAuthorizedKeys(file)).rejects.toMatchObject({ code: "unsafe-path" });
	expect(await readAuthorizedKeys(join(folder, "none"))).toBeUndefined();
});
