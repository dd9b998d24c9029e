import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmdirSync,
	rmSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type FileIdentity, identify, isSame, removeIfSame } from "./file-identity.ts";

let folder: string;
let path: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
	path = join(folder, "a");
});
afterEach(() => rmSync(folder, { recursive: true }));

const seen = () => identify(path) as FileIdentity;

it("knows a thing that nobody touched", () => {
	mkdirSync(path);
	expect(isSame(seen(), seen())).toBe(true);
	expect(isSame(undefined, undefined)).toBe(false);
});

it("tells a touched one and a successor apart", () => {
	mkdirSync(path);
	utimesSync(path, 1000, 1000);
	const first = seen();
	utimesSync(path, 1000, 1001);
	expect(isSame(first, seen())).toBe(false);
	rmdirSync(path);
	mkdirSync(path);
	expect(isSame(first, seen())).toBe(false);
});

it("removes what was seen, folder or file", () => {
	mkdirSync(path);
	expect(removeIfSame(path, seen())).toBe(true);
	writeFileSync(path, "");
	expect(removeIfSame(path, seen())).toBe(true);
	expect(readdirSync(folder)).toEqual([]);
});

it("leaves what was not", () => {
	mkdirSync(path);
	const first = seen();
	rmdirSync(path);
	expect(removeIfSame(path, first)).toBe(false);
	mkdirSync(path);
	utimesSync(path, 1000, 1000);
	expect(removeIfSame(path, first)).toBe(false);
	expect(readdirSync(folder)).toEqual(["a"]);
});
