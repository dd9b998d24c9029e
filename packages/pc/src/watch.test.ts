import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { quickClock, scratchFolder } from "./testing.ts";
import { watchStore } from "./watch.ts";

const clock = quickClock(5);
let scratch: Awaited<ReturnType<typeof scratchFolder>>;
let stop: AbortController;
let watching: Promise<void>;
let looks: number;
const folder = () => join(scratch.path, "claude");

beforeEach(async () => {
	scratch = await scratchFolder();
	stop = new AbortController();
	looks = 0;
});
afterEach(async () => {
	stop.abort();
	await watching;
	await scratch.remove();
});

function watch(reconcileEvery = 60_000): void {
	const look = async () => {
		looks += 1;
	};
	const file = ".credentials.json";
	watching = watchStore({ folder: folder(), file, clock, reconcileEvery, look }, stop.signal);
}

/** As claude writes: beside, then renamed. */
async function write(): Promise<void> {
	const beside = join(folder(), ".credentials.json.tmp.1");
	await writeFile(beside, "{}");
	await rename(beside, join(folder(), ".credentials.json"));
}

async function looksAfter(action: () => Promise<unknown>): Promise<void> {
	// What earlier news are followed by is over.
	await clock.sleep(2_500);
	const before = looks;
	await action();
	await expect.poll(() => looks, { timeout: 4_000 }).toBeGreaterThan(before);
}

test("looks at once, and after each rename", async () => {
	await mkdir(folder());
	watch();
	await expect.poll(() => looks).toBe(1);
	await looksAfter(write);
	await looksAfter(write);
	await looksAfter(() => rm(join(folder(), ".credentials.json")));
	await looksAfter(write);
});

test("other files in the folder are no news", async () => {
	await mkdir(folder());
	watch();
	await expect.poll(() => looks).toBe(1);
	await writeFile(join(folder(), "history.jsonl"), "{}");
	await clock.sleep(3_000);
	expect(looks).toBe(1);
});

test("waits for a folder that is missing, and for one made anew", async () => {
	watch();
	await expect.poll(() => looks).toBe(1);
	await mkdir(folder());
	// It is watched from the next look on, at most two seconds later.
	await clock.sleep(3_000);
	await looksAfter(write);
	await looksAfter(() => rm(folder(), { recursive: true }));
	await mkdir(folder());
	await clock.sleep(3_000);
	await looksAfter(write);
});

test("looks every so often without news", async () => {
	await mkdir(folder());
	watch(50);
	await expect.poll(() => looks).toBeGreaterThan(5);
});
