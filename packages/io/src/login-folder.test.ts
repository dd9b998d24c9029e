import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareLoginFolder, sweepLoginFolder } from "./login-folder.ts";

let scratch: string;
const folder = () => join(scratch, "logins", "myvps");
const file = () => join(folder(), ".claude.json");

beforeEach(async () => {
	scratch = await mkdtemp(join(tmpdir(), "baton-io-"));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

async function given(text: string): Promise<void> {
	await mkdir(folder(), { recursive: true, mode: 0o700 });
	await writeFile(file(), text);
}

test("a new one is its owner's alone, and claude asks no newcomer's questions there", async () => {
	await prepareLoginFolder(folder());
	expect((await stat(folder())).mode & 0o777).toBe(0o700);
	expect(JSON.parse(await readFile(file(), "utf8"))).toEqual({ hasCompletedOnboarding: true });
});

test("what claude keeps there stays", async () => {
	await given('{"theme":"dark","hasCompletedOnboarding":false}');
	await prepareLoginFolder(folder());
	const settings = { theme: "dark", hasCompletedOnboarding: true };
	expect(JSON.parse(await readFile(file(), "utf8"))).toEqual(settings);
});

test.each(['{"hasCompletedOnboarding": true}', "", "{half", "[1]", "null"])(
	"%j is left to claude",
	async (text) => {
		await given(text);
		await prepareLoginFolder(folder());
		expect(await readFile(file(), "utf8")).toBe(text);
	},
);

test("a link in the place of that file is left alone, and so is what it leads to", async () => {
	const elsewhere = join(scratch, "elsewhere");
	await writeFile(elsewhere, "{}");
	await mkdir(folder(), { recursive: true, mode: 0o700 });
	await symlink(elsewhere, file());
	await prepareLoginFolder(folder());
	expect(await readFile(elsewhere, "utf8")).toBe("{}");
});

test("what a killed claude left half-written goes, and nothing else", async () => {
	await given("{}");
	for (const name of [".credentials.json", ".credentials.json.tmp.0a1b", "other.tmp.0a1b"])
		await writeFile(join(folder(), name), "x");
	await sweepLoginFolder(folder());
	expect((await readdir(folder())).sort()).toEqual([
		".claude.json",
		".credentials.json",
		"other.tmp.0a1b",
	]);
});
