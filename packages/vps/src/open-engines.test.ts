import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { STRAIGHT } from "./engines/route.ts";
import { openEngines } from "./open-engines.ts";
import { settingsSchema } from "./settings.ts";

let stateFolder: string;

beforeEach(() => {
	stateFolder = mkdtempSync(join(tmpdir(), "baton-engines-"));
});
afterEach(() => rmSync(stateFolder, { recursive: true }));

test("what a refresh has left is its own name's to remove", async () => {
	const folder = join(stateFolder, "engine", "work", "a".repeat(64));
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	writeFileSync(join(folder, "run.json"), "{}");
	const engines = openEngines({
		settings: settingsSchema.parse({ engine: "http" }),
		stateFolder,
		environment: {},
		route: STRAIGHT,
		clock: fakeClock(),
		onLeftover: () => {},
	});
	const unknown = { isOpen: () => false, isNewest: () => false, knows: () => false };
	await engines.of("default").settled(unknown);
	expect(existsSync(folder)).toBe(true);
	await engines.of("work").settled(unknown);
	expect(existsSync(folder)).toBe(false);
});
