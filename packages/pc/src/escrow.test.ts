import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { escrowFacts } from "@baton/core/handover-draft";
import { NORMAL_STORE } from "@baton/core/handover-state";
import { type ArmedSession, formatEntry, isArmed, parseEntry } from "@baton/core/session";
import { keyFile } from "@baton/io/key-source";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openEscrow } from "./escrow.ts";
import { entryOf, fpOf, scratchFolder } from "./testing.ts";

let folder: Awaited<ReturnType<typeof scratchFolder>>;
const at = (...names: string[]) => join(folder.path, ...names);
const open = (key = "key") => openEscrow(at("escrow"), keyFile(at(key)));

beforeEach(async () => {
	folder = await scratchFolder();
});
afterEach(() => folder.remove());

function armed(name: string): ArmedSession {
	const session = parseEntry({ ...entryOf(name), unknownKey: { kept: true } });
	if (!isArmed(session)) throw new Error("not armed");
	return session;
}

async function put(name: string): Promise<ArmedSession> {
	const session = armed(name);
	await open().write(escrowFacts(session, "myvps", NORMAL_STORE), session);
	return session;
}

test("what was written is read and listed, by another process too", async () => {
	const session = await put("one");
	await put("two");
	const fp = fpOf(entryOf("one"));
	expect(formatEntry(await open().read(fp))).toEqual(formatEntry(session));
	const facts = await open().list();
	expect(facts).toHaveLength(2);
	expect(facts).toContainEqual(escrowFacts(session, "myvps", NORMAL_STORE));
});

test("what was erased is gone, and erasing it again is well", async () => {
	await put("one");
	const fp = fpOf(entryOf("one"));
	await open().erase(fp);
	await open().erase(fp);
	expect(await open().list()).toEqual([]);
	await expect(open().read(fp)).rejects.toMatchObject({ code: "bad-state" });
});

test("no token lies there in clear", async () => {
	await put("one");
	for (const name of await readdir(at("escrow"))) {
		expect(await readFile(at("escrow", name), "latin1")).not.toContain("sk-ant");
	}
});

test("a damaged copy, one under another name, or one of another key is refused", async () => {
	await put("one");
	const [name = ""] = await readdir(at("escrow"));
	const bytes = await readFile(at("escrow", name));
	await expect(open("other-key").list()).rejects.toMatchObject({ code: "bad-state" });
	const other = `${"b".repeat(64)}.secret`;
	await writeFile(at("escrow", other), bytes);
	await expect(open().list()).rejects.toMatchObject({ code: "bad-state" });
	await writeFile(at("escrow", other), bytes.subarray(0, 40));
	await expect(open().list()).rejects.toMatchObject({ code: "bad-state" });
	expect(await readFile(at("escrow", name))).toEqual(bytes);
});
