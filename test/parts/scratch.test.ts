import { existsSync, mkdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startChild, stopAllChildren } from "./child-process.ts";
import { makeScratch, removeAllScratch } from "./scratch.ts";

afterEach(async () => {
	await stopAllChildren();
	removeAllScratch();
});

const MODULE = new URL("./scratch.ts", import.meta.url).href;

/** A program that makes a folder, names it, and then does as told. */
async function holder(rest: string) {
	const program = `
		const { makeScratch } = await import(${JSON.stringify(MODULE)});
		const scratch = makeScratch();
		(await import("node:fs")).writeFileSync(scratch.at("file"), "x");
		console.log("at " + scratch.path);
		${rest}`;
	const flags = ["--import", "tsx", "--input-type=module", "-e", program];
	const child = await startChild({ argv: [process.execPath, ...flags] });
	const path = (await child.line(/^at /)).slice(3);
	return { child, path };
}

test("a folder is private, and gone after remove", () => {
	const scratch = makeScratch();
	expect(statSync(scratch.path).mode & 0o777).toBe(0o700);
	writeFileSync(scratch.at("file"), "x");
	scratch.remove();
	scratch.remove();
	expect(existsSync(scratch.path)).toBe(false);
});

test.each([
	{ end: "a normal end", program: "" },
	{ end: "a failure", program: "throw new Error('planned')" },
])("a folder is gone after $end of the process", async (row) => {
	const { child, path } = await holder(row.program);
	await child.ended();
	expect(existsSync(path)).toBe(false);
});

test.each(["SIGINT", "SIGTERM"] as const)("a folder is gone after %s", async (signal) => {
	const { child, path } = await holder("setInterval(() => {}, 1000)");
	child.kill(signal);
	expect((await child.ended()).signal).toBe(signal);
	expect(existsSync(path)).toBe(false);
});

test("what a killed process left goes with the next process that makes one", async () => {
	const { child, path } = await holder("setInterval(() => {}, 1000)");
	child.kill("SIGKILL");
	await child.ended();
	expect(existsSync(path)).toBe(true);
	const next = await holder("");
	await next.child.ended();
	expect(existsSync(path)).toBe(false);
});

test("folders of living processes and of others stay", async () => {
	const { child, path } = await holder("setInterval(() => {}, 1000)");
	const foreign = join(tmpdir(), `baton-other-${process.pid}`);
	mkdirSync(foreign);
	const next = await holder("");
	await next.child.ended();
	expect([existsSync(path), existsSync(foreign)]).toEqual([true, true]);
	rmdirSync(foreign);
	child.kill("SIGTERM");
	await child.ended();
});
