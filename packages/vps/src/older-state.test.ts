/**
 * What each version so far has written is read by this one. The folders in `test/fixtures` were made by
 * those versions themselves and are never made anew.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock } from "@baton/io/clock";
import { keyFile } from "@baton/io/key-source";
import { openSecretStore } from "@baton/io/secret-store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { custodyStore } from "./custody-store.ts";
import { DeviceBook } from "./device-book.ts";
import { openSinkMemory } from "./sinks/sink-memory.ts";

const FIXTURES = join(import.meta.dirname, "../../../test/fixtures");
const AT = Date.UTC(2026, 10, 1);
const HOUR = 3_600_000;

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-older-"));
	cpSync(join(FIXTURES, "state-1"), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function store() {
	const key = keyFile(join(folder, "config/batond.key"));
	return custodyStore(openSecretStore({ folder: join(folder, "state/secrets"), key }));
}

test("a custody record of version 1 comes with all it knew, and nothing of it has faded", async () => {
	const record = await store().load("default");
	expect(record).toMatchObject({
		account: "6f1c7d2e-0000-4000-8000-00000000c0de",
		current: {
			generation: 2,
			device: "laptop",
			erasedAt: AT + HOUR,
			phase: { name: "held" },
			session: { deadline: AT + 30 * 24 * HOUR, rest: { subscriptionType: "max" } },
		},
		retiring: { lineageId: "0f0f0f0f0f0f0f0f", accessUntil: AT + 2 * HOUR },
		faded: [],
		learnt: { killsOldAccess: 2 },
	});
	const { session } = record?.current ?? {};
	expect(session?.refreshToken?.reveal()).toBe("sk-ant-ort01-CANARY-version-1-refresh-2");
	expect(session?.accessToken.reveal()).toBe("sk-ant-oat01-CANARY-version-1-access");
	const was = Object.values(record?.past ?? {}).map((past) => past.was);
	expect(was.sort()).toEqual(["claimed", "not-taken", "retired", "spent", "withdrawn"]);
	expect(Object.values(record?.lineages ?? {}).sort()).toEqual([2, 90]);
});

test("reading it writes nothing; once saved it is of this version, and the same", async () => {
	const file = join(folder, "state/secrets/custody-default.secret");
	const before = readFileSync(file);
	const record = await store().load("default");
	expect(readFileSync(file)).toEqual(before);
	if (record === undefined) throw new Error("no record");
	await store().save(record);
	expect(await store().load("default")).toEqual(record);
	expect(readdirSync(join(folder, "state/secrets"))).toEqual(["custody-default.secret"]);
});

test("the sinks and devices of version 1 are known", async () => {
	const memory = await openSinkMemory(join(folder, "state/sinks.json"));
	expect(memory.hasWritten("/home/me/.claude/.credentials.json")).toBe(true);
	const devices = await DeviceBook.open(join(folder, "state/devices.json"), fakeClock());
	expect(devices.facts()).toEqual([{ device: "laptop", lastContact: AT, open: 0 }]);
});
