import { describe, expect, test } from "vitest";
import { Disk } from "./disk.ts";
import type { Change } from "./disk-event.ts";

const FILE = "/d/file";
const BESIDE = "/d/.file.0123456789abcdef.tmp";
const [OLD, NEW] = [Buffer.from("old!"), Buffer.from("new!")];

function diskOf(): Disk {
	return new Disk(new Map([[FILE, { content: OLD, mode: 0o600 }]]));
}

/** Each change takes 1 µs, one after the other. */
function diskAfter(...changes: Change[]): Disk {
	const disk = diskOf();
	changes.forEach((change, index) => {
		disk.apply({ ...change, from: index * 10, until: index * 10 + 1 });
	});
	return disk;
}

/** What the file may hold; `-` where it is missing. */
function left(disk: Disk, path = FILE): string[] {
	const images = disk.images((file) => file === path);
	return images.map((image) => image.get(path)?.content.toString("latin1") ?? "-").sort();
}

const create: Change = { kind: "create", path: BESIDE, mode: 0o600, cuts: false };
const write: Change = { kind: "write", path: BESIDE, at: 0, bytes: NEW };
const syncFile: Change = { kind: "sync", path: BESIDE };
const rename: Change = { kind: "rename", path: BESIDE, to: FILE };
const syncFolder: Change = { kind: "sync", path: "/d" };

describe("after a power cut", () => {
	test.each<[what: string, changes: Change[], files: string[]]>([
		["nothing done", [], ["old!"]],
		["written beside, not renamed", [create, write, syncFile], ["old!"]],
		["renamed, folder not synced", [create, write, syncFile, rename], ["new!", "old!"]],
		["all of it done", [create, write, syncFile, rename, syncFolder], ["new!"]],
		[
			"renamed, data never synced",
			[create, write, rename, syncFolder],
			["", "\0\0\0\0", "ne", "new!"],
		],
		["neither synced", [create, write, rename], ["", "\0\0\0\0", "ne", "new!", "old!"]],
		[
			"synced before it was written",
			[create, syncFile, write, rename, syncFolder],
			["", "\0\0\0\0", "ne", "new!"],
		],
		["removed, folder not synced", [{ kind: "remove", path: FILE }], ["-", "old!"]],
		["removed for good", [{ kind: "remove", path: FILE }, syncFolder], ["-"]],
		["written in place", [{ ...write, path: FILE }], ["\0\0\0\0", "ned!", "new!", "old!"]],
		["cut in place", [{ kind: "cut", path: FILE, length: 1 }], ["o", "old!"]],
	])("%s", (_what, changes, files) => {
		expect(left(diskAfter(...changes))).toEqual([...files].sort());
	});

	test("a file in a folder whose name was never durable is gone", () => {
		const inside = "/d/new/file";
		const disk = diskAfter(
			{ kind: "folder", path: "/d/new", mode: 0o700 },
			{ kind: "create", path: inside, mode: 0o600, cuts: false },
			{ kind: "write", path: inside, at: 0, bytes: Buffer.from("x") },
			{ kind: "sync", path: inside },
			{ kind: "sync", path: "/d/new" },
		);
		expect(left(disk, inside)).toEqual(["-", "x"]);
	});

	test("a sync covers only what was over when it began", () => {
		const disk = diskOf();
		for (const [index, change] of [create, write, syncFile].entries()) {
			disk.apply({ ...change, from: index, until: index });
		}
		disk.apply({ ...rename, from: 10, until: 20 });
		disk.apply({ ...syncFolder, from: 15, until: 30 });
		expect(left(disk)).toEqual(["new!", "old!"]);
	});
});

test("a name shows the old content, the new one, and nothing between them", () => {
	const disk = diskAfter(create, write, rename);
	const shows = (content?: string) =>
		disk.mayShow(
			FILE,
			content === undefined ? undefined : { content: Buffer.from(content), mode: 0o600 },
		);
	expect(["old!", "new!", "ne", "", undefined].map(shows)).toEqual([
		true,
		true,
		false,
		false,
		false,
	]);
});

describe("a mode", () => {
	const modes = (disk: Disk) => {
		const images = disk.images((file) => file === FILE);
		return images.map((image) => image.get(FILE)?.mode.toString(8) ?? "-").sort();
	};
	const wider: Change = { kind: "mode", path: BESIDE, mode: 0o640 };

	test("is durable with the file's data", () => {
		const whole = [create, write, wider, syncFile, rename, syncFolder];
		expect(modes(diskAfter(...whole))).toEqual(["640"]);
	});

	test("set after the sync may be the one it was made with", () => {
		const late = [create, write, syncFile, wider, rename, syncFolder];
		const disk = diskAfter(...late);
		expect(modes(disk)).toEqual(["600", "640"]);
		expect(disk.mayShow(FILE, { content: NEW, mode: 0o640 })).toBe(true);
		expect(disk.mayShow(FILE, { content: NEW, mode: 0o600 })).toBe(false);
	});

	test("may be changed in place", () => {
		const disk = diskAfter({ ...wider, path: FILE });
		expect(modes(disk)).toEqual(["600", "640"]);
		expect(disk.mayShow(FILE, { content: OLD, mode: 0o640 })).toBe(true);
	});
});
