import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scratchFolder } from "../testing.ts";
import { findClaude } from "./find-claude.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
	folder = await scratchFolder();
	for (const name of ["folder/claude", "plain", "first", "second"])
		await mkdir(at(name), { recursive: true });
	await writeFile(at("plain", "claude"), "");
	await writeFile(at("first", "claude"), "", { mode: 0o755 });
	await writeFile(at("claude.exe"), "", { mode: 0o755 });
	await symlink(at("first", "claude"), at("second", "claude"));
	await chmod(at("plain", "claude"), 0o644);
});
afterAll(() => folder.remove());

const find = (path: string[], named?: string, platform: NodeJS.Platform = "linux") =>
	findClaude({ named, path: path.join(delimiter), platform });

test("the first program of that name on the PATH, also by a link", async () => {
	expect(await find([at("none"), at("folder"), at("plain"), at("second"), at("first")])).toBe(
		at("second", "claude"),
	);
	expect(await find([folder.path], undefined, "win32")).toBe(at("claude.exe"));
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
