import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findClaude, lookForClaude } from "./find-claude.ts";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "baton-io-"));
	for (const name of ["folder/claude", "plain", "first", "second"])
		await mkdir(at(name), { recursive: true });
	await writeFile(at("plain", "claude"), "");
	await writeFile(at("first", "claude"), "", { mode: 0o755 });
	await writeFile(at("claude.exe"), "", { mode: 0o755 });
	await symlink(at("first", "claude"), at("second", "claude"));
	await chmod(at("plain", "claude"), 0o644);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const find = (path: string[], named?: string, platform: NodeJS.Platform = "linux") =>
	findClaude({ named, path: path.join(delimiter), platform });

test("the first program of that name on the PATH, also by a link", async () => {
	expect(await find([at("none"), at("folder"), at("plain"), at("second"), at("first")])).toBe(
		at("second", "claude"),
	);
	expect(await find([folder], undefined, "win32")).toBe(at("claude.exe"));
});

test("one that is named comes before the PATH, and must be there", async () => {
	expect(await find([], at("first", "claude"))).toBe(at("first", "claude"));
	for (const wrong of [at("plain", "claude"), at("folder"), at("none")]) {
		await expect(find([at("first")], wrong)).rejects.toMatchObject({ code: "command-failed" });
	}
});

test.each([[[]], [["", ".", "first"]]])(
	"none on the PATH %j is said, with what to do",
	async (path) => {
		await expect(find(path)).rejects.toMatchObject({
			message: "there is no claude on the PATH",
			hint: expect.stringContaining("--claude PATH"),
		});
	},
);

test("other folders are looked in last, and to have found none is no error", async () => {
	const look = (path: string, besides: string[], named?: string) =>
		lookForClaude({ named, path, platform: "linux", besides });
	expect(await look(at("first"), [at("second")])).toBe(at("first", "claude"));
	expect(await look(at("none"), [at("plain"), at("second")])).toBe(at("second", "claude"));
	expect(await look(at("none"), [])).toBeUndefined();
	expect(await look(at("first"), [at("second")], at("none"))).toBeUndefined();
});
