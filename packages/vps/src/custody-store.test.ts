import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CustodyRecord, emptyRecord } from "@baton/core/custody-state";
import { keyFile } from "@baton/io/key-source";
import { openSecretStore } from "@baton/io/secret-store";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CustodyStore, custodyStore } from "./custody-store.ts";

let folder: string;
let store: CustodyStore;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-store-"));
	const key = keyFile(join(folder, "key"));
	store = custodyStore(openSecretStore({ folder: join(folder, "secrets"), key }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const empty = (name: string) => emptyRecord(name, "ab".repeat(32));

test("what was saved is loaded, name by name", async () => {
	expect(await store.load("one")).toBeUndefined();
	await store.save(empty("one"));
	await store.save({ ...empty("two"), account: "A" });
	expect(await store.load("one")).toEqual(empty("one"));
	expect(await store.load("two")).toMatchObject({ name: "two", account: "A" });
});

test("a record with as many fingerprints as there may ever be is still saved", async () => {
	const at = 1_900_000_000_000;
	const lineageId = "0".repeat(16);
	const past = Object.fromEntries(
		Array.from({ length: 10_000 }, (_, n) => [
			n.toString(16).padStart(64, "0"),
			{ was: "retired", lineageId, at } as const,
		]),
	);
	const faded = Array.from({ length: 250_000 }, (_, n) => n.toString(16).padStart(16, "0"));
	const record: CustodyRecord = { ...empty("full"), past, faded };
	await store.save(record);
	const loaded = await store.load("full");
	expect(Object.keys(loaded?.past ?? {})).toHaveLength(10_000);
	expect(loaded?.faded).toHaveLength(250_000);
});
