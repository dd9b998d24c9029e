import {
	chmodSync,
	chownSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assertOwnFolder, makePrivateFolder } from "./private-folder.ts";

const isRoot = process.getuid?.() === 0;
const refused = { code: "unsafe-path" };

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe.skipIf(process.platform === "win32")("makePrivateFolder", () => {
	it("makes all that is missing 0700, whatever the umask, and again does nothing", async () => {
		const umask = process.umask(0o777);
		try {
			await makePrivateFolder(join(folder, "a", "b", "c"));
			await makePrivateFolder(join(folder, "a", "b", "c"));
		} finally {
			process.umask(umask);
		}
		for (const path of ["a", "a/b", "a/b/c"]) {
			expect(lstatSync(join(folder, path)).mode & 0o777).toBe(0o700);
		}
	});

	it("takes a folder others may read, as it is", async () => {
		chmodSync(folder, 0o755);
		await makePrivateFolder(folder);
		expect(lstatSync(folder).mode & 0o777).toBe(0o755);
	});

	it("lets two make the same", async () => {
		const path = join(folder, "a", "b");
		await Promise.all([makePrivateFolder(path), makePrivateFolder(path)]);
	});

	it("refuses a link, a file, and a folder others may write in", async () => {
		const [target, link, file] = [join(folder, "d"), join(folder, "l"), join(folder, "f")];
		mkdirSync(target);
		symlinkSync(target, link);
		writeFileSync(file, "");
		for (const path of [link, file, join(file, "x")]) {
			await expect(makePrivateFolder(path)).rejects.toMatchObject(refused);
		}
		for (const mode of [0o720, 0o702]) {
			chmodSync(target, mode);
			await expect(makePrivateFolder(target)).rejects.toMatchObject(refused);
		}
	});

	it.runIf(isRoot)("refuses another user's folder", async () => {
		chownSync(folder, 12345, 12345);
		await expect(assertOwnFolder(folder)).rejects.toMatchObject(refused);
	});
});

it("names a folder that is missing", async () => {
	const path = join(folder, "none");
	await expect(assertOwnFolder(path)).rejects.toMatchObject({
		code: "disk-failed",
		message: `cannot use the folder ${path}: it does not exist`,
	});
});
