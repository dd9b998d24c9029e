import { execFileSync } from "node:child_process";
import {
	chmodSync,
	chownSync,
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
	createDurably,
	proveWritable,
	removeDurably,
	removeLeftovers,
	removeLeftoversIn,
	writeAtomic,
} from "./atomic-file.ts";

const isLinuxRoot = process.platform === "linux" && process.getuid?.() === 0;

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string) => (lstatSync(path).mode & 0o777).toString(8);

describe("writeAtomic", () => {
	it("creates and replaces, and leaves nothing else behind", async () => {
		const file = join(folder, "a.json");
		await writeAtomic(file, "one");
		const first = lstatSync(file).ino;
		await writeAtomic(file, Buffer.from("two"));
		expect(readFileSync(file, "utf8")).toBe("two");
		expect(lstatSync(file).ino).not.toBe(first);
		expect(readdirSync(folder)).toEqual(["a.json"]);
	});

	it("gives the mode asked for whatever the umask and the old mode", async () => {
		const file = join(folder, "a");
		writeFileSync(file, "", { mode: 0o666 });
		const umask = process.umask(0o177);
		try {
			await writeAtomic(file, "x", { mode: 0o640 });
			expect(modeOf(file)).toBe("640");
			process.umask(0);
			await writeAtomic(file, "x");
			expect(modeOf(file)).toBe("600");
		} finally {
			process.umask(umask);
		}
	});

	it("refuses anything but a plain file in the target's place", async () => {
		const [link, real, inner] = [join(folder, "link"), join(folder, "real"), join(folder, "d")];
		writeFileSync(real, "kept");
		symlinkSync(real, link);
		mkdirSync(inner);
		for (const path of [link, inner]) {
			await expect(writeAtomic(path, "x")).rejects.toMatchObject({ code: "unsafe-path" });
		}
		expect(readFileSync(real, "utf8")).toBe("kept");
		expect(readdirSync(folder)).toHaveLength(3);
	});

	it("refuses a folder others may write in, where asked to", async () => {
		chmodSync(folder, 0o770);
		const write = writeAtomic(join(folder, "a"), "x", { ownerOnlyFolder: true });
		await expect(write).rejects.toMatchObject({ code: "unsafe-path" });
		expect(readdirSync(folder)).toEqual([]);
		await writeAtomic(join(folder, "a"), "x");
	});

	it("names the missing folder", async () => {
		const file = join(folder, "none", "a");
		await expect(writeAtomic(file, "x")).rejects.toMatchObject({
			code: "disk-failed",
			message: `cannot write ${file}: it does not exist`,
		});
	});

	it("makes the time of last change later, by the tick and after a clock set back", async () => {
		const file = join(folder, "a");
		await writeAtomic(file, "0", { laterThanBefore: true });
		for (const before of [Date.now() + 5_000, Date.now() + 86_400_000]) {
			utimesSync(file, before / 1000, before / 1000);
			await writeAtomic(file, "x", { laterThanBefore: true });
			expect(Math.floor(lstatSync(file).mtimeMs)).toBeGreaterThan(before);
		}
		await writeAtomic(file, "y");
		expect(lstatSync(file).mtimeMs).toBeLessThan(Date.now() + 5_000);
	});

	it("leaves all as it was if the last look before the rename objects", async () => {
		const file = join(folder, "a");
		await writeAtomic(file, "one");
		const beforeRename = () => {
			expect(readdirSync(folder)).toHaveLength(2);
			throw new Error("not now");
		};
		await expect(writeAtomic(file, "two", { beforeRename })).rejects.toThrow();
		expect([readFileSync(file, "utf8"), readdirSync(folder)]).toEqual(["one", ["a"]]);
	});

	it.runIf(isLinuxRoot)("keeps the group where it has rights, and only there", async () => {
		const file = join(folder, "a");
		await writeAtomic(file, "one");
		chownSync(file, 0, 12345);
		await writeAtomic(file, "two", { mode: 0o640, keepGroup: true });
		expect([lstatSync(file).gid, modeOf(file)]).toEqual([12345, "640"]);
		await writeAtomic(file, "three", { mode: 0o600, keepGroup: true });
		expect(lstatSync(file).gid).toBe(process.getgid?.());
	});

	it.runIf(isLinuxRoot)("refuses another user's file", async () => {
		const file = join(folder, "a");
		writeFileSync(file, "theirs");
		chownSync(file, 12345, 12345);
		await expect(writeAtomic(file, "x")).rejects.toMatchObject({ code: "unsafe-path" });
		expect(readFileSync(file, "utf8")).toBe("theirs");
	});
});

describe("createDurably", () => {
	it("creates once and never replaces", async () => {
		const file = join(folder, "key");
		expect(await createDurably(file, "one")).toBe(true);
		expect(await createDurably(file, "two")).toBe(false);
		expect([readFileSync(file, "utf8"), modeOf(file)]).toEqual(["one", "600"]);
		expect(readdirSync(folder)).toEqual(["key"]);
	});

	it("lets one of many win", async () => {
		const file = join(folder, "key");
		const tries = Array.from({ length: 8 }, (_, n) => createDurably(file, `${n}`));
		expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
		expect(readdirSync(folder)).toEqual(["key"]);
	});
});

describe("removeDurably", () => {
	it("removes, and is well when nothing is there", async () => {
		const file = join(folder, "a");
		writeFileSync(file, "");
		await removeDurably(file);
		expect(existsSync(file)).toBe(false);
		await removeDurably(file);
		await removeDurably(join(folder, "none", "a"));
	});

	it("removes no folder", async () => {
		await expect(removeDurably(folder)).rejects.toMatchObject({ name: "BatonError" });
		expect(existsSync(folder)).toBe(true);
	});
});

describe("proveWritable", () => {
	it("leaves everything as it is", async () => {
		const file = join(folder, "a");
		await proveWritable(file);
		expect(readdirSync(folder)).toEqual([]);
		writeFileSync(file, "kept");
		const before = lstatSync(file);
		await proveWritable(file, { ownerOnlyFolder: true });
		expect(lstatSync(file)).toEqual({ ...before, atime: expect.anything() });
		expect(readdirSync(folder)).toEqual(["a"]);
	});

	it("refuses what writeAtomic would refuse", async () => {
		symlinkSync("nowhere", join(folder, "link"));
		const refused = { code: "unsafe-path" };
		await expect(proveWritable(join(folder, "link"))).rejects.toMatchObject(refused);
		chmodSync(folder, 0o777);
		const proof = proveWritable(join(folder, "a"), { ownerOnlyFolder: true });
		await expect(proof).rejects.toMatchObject(refused);
	});
});

describe("removeLeftovers", () => {
	it("removes this file's temporary files only", async () => {
		const kept = ["a", ".a.tmp", ".a.0123456789abcdeg.tmp", ".b.0123456789abcdef.tmp", ".a.b.tmp"];
		for (const name of [...kept, ".a.0123456789abcdef.tmp"]) writeFileSync(join(folder, name), "");
		await removeLeftovers(join(folder, "a"));
		expect(readdirSync(folder).sort()).toEqual(kept.sort());
		await removeLeftovers(join(folder, "none", "a"));
	});

	it("in a folder of our own removes those of every file", async () => {
		const kept = ["a", ".a.tmp", ".a.0123456789abcdeg.tmp", "b.0123456789abcdef.tmp"];
		const gone = [".a.0123456789abcdef.tmp", ".x.key.0123456789abcdef.tmp"];
		for (const name of [...kept, ...gone]) writeFileSync(join(folder, name), "");
		await removeLeftoversIn(folder);
		expect(readdirSync(folder).sort()).toEqual(kept.sort());
		await removeLeftoversIn(join(folder, "none"));
	});
});

/** Real disks that refuse: a small one in memory, mounted for each test. */
describe.runIf(isLinuxRoot)("on a disk that refuses", () => {
	let disk: string;
	beforeEach(() => {
		disk = join(folder, "disk");
		mkdirSync(disk);
		execFileSync("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
	});
	afterEach(() => {
		execFileSync("/usr/bin/umount", [disk]);
	});

	it("keeps the old file when the disk is full, and tells no content", async () => {
		const file = join(disk, "a");
		await writeAtomic(file, "old");
		const failure = await writeAtomic(file, "topsecret".repeat(20_000)).catch((e: unknown) => e);
		expect(failure).toMatchObject({
			code: "disk-failed",
			message: `cannot write ${file}: the disk is full`,
			hint: "free some space and try again",
		});
		expect(JSON.stringify(failure)).not.toContain("topsecret");
		expect(readdirSync(disk)).toEqual(["a"]);
		expect(readFileSync(file, "utf8")).toBe("old");
	});

	it("sees beforehand that the disk is full", async () => {
		await writeAtomic(join(disk, "filler"), Buffer.alloc(52 * 1024));
		await expect(proveWritable(join(disk, "a"))).rejects.toMatchObject({ code: "disk-failed" });
		expect(readdirSync(disk)).toEqual(["filler"]);
	});

	it("says that the file system is read-only", async () => {
		const file = join(disk, "a");
		await writeAtomic(file, "old");
		execFileSync("/usr/bin/mount", ["-o", "remount,ro", disk]);
		const message = expect.stringMatching(/the file system is read-only$/);
		for (const attempt of [
			() => writeAtomic(file, "new"),
			() => proveWritable(file),
			() => removeDurably(file),
		]) {
			await expect(attempt()).rejects.toMatchObject({ code: "disk-failed", message });
		}
		expect(readFileSync(file, "utf8")).toBe("old");
	});
});
