import {
	copyFileSync,
	existsSync,
	lstatSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFile } from "./key-source.ts";
import { openSecretStore, type SecretStore } from "./secret-store.ts";

let root: string;
let folder: string;
let keyPath: string;
let store: SecretStore;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "baton-"));
	folder = join(root, "data");
	keyPath = join(root, "keys", "key");
	store = openSecretStore({ folder, key: keyFile(keyPath) });
});
afterEach(() => rmSync(root, { recursive: true }));

const secret = Buffer.from('{"token":"topsecret"}');
const file = (name = "main") => join(folder, `${name}.secret`);

it("gives back what it took, and shows it nowhere", async () => {
	const entry = store.entry("main");
	expect(await entry.load()).toBeUndefined();
	await entry.save(secret);
	expect(await entry.load()).toEqual(secret);
	expect(
		await openSecretStore({ folder, key: keyFile(keyPath) })
			.entry("main")
			.load(),
	).toEqual(secret);
	expect(readFileSync(file()).includes("topsecret")).toBe(false);
	expect(readdirSync(folder)).toEqual(["main.secret"]);
	for (const path of [file(), keyPath]) expect(lstatSync(path).mode & 0o777).toBe(0o600);
	expect(lstatSync(folder).mode & 0o777).toBe(0o700);
	expect(readFileSync(keyPath)).toHaveLength(32);
});

it("reads without making anything", async () => {
	await store.entry("main").load();
	expect(readdirSync(root)).toEqual([]);
});

it("never writes the same twice", async () => {
	const entry = store.entry("main");
	await entry.save(secret);
	const first = readFileSync(file());
	await entry.save(secret);
	expect(readFileSync(file()).subarray(6, 18)).not.toEqual(first.subarray(6, 18));
	expect(readFileSync(file()).subarray(34)).not.toEqual(first.subarray(34));
});

it("erases, and keeps the others", async () => {
	await store.entry("a").save(secret);
	await store.entry("b").save(Buffer.alloc(0));
	await store.entry("a").erase();
	await store.entry("a").erase();
	expect(await store.entry("a").load()).toBeUndefined();
	expect(await store.entry("b").load()).toEqual(Buffer.alloc(0));
});

it("makes one key however many start at once", async () => {
	const names = ["a", "b", "c", "d"];
	await Promise.all(names.map((name) => store.entry(name).save(Buffer.from(name))));
	for (const name of names) expect((await store.entry(name).load())?.toString()).toBe(name);
});

it.each(["", ".", "..", ".a", "a/b", "a\0", "a b", "ä", "x".repeat(65)])(
	"takes no name like %j",
	(name) => {
		expect(() => store.entry(name)).toThrow(expect.objectContaining({ code: "usage" }));
	},
);

describe("touches nothing and says what is wrong with", () => {
	beforeEach(() => store.entry("main").save(secret));

	async function refuses(message: RegExp) {
		const before = readFileSync(file());
		const failure = await store
			.entry("main")
			.load()
			.catch((error: unknown) => error);
		expect(failure).toMatchObject({
			code: "bad-state",
			message: expect.stringMatching(message),
			hint: expect.any(String),
		});
		expect(failure).not.toHaveProperty("cause");
		await expect(store.entry("main").save(secret)).rejects.toMatchObject({ code: "bad-state" });
		expect(readFileSync(file())).toEqual(before);
	}

	it("a missing key", async () => {
		renameSync(keyPath, `${keyPath}.away`);
		await refuses(/^the key of .*main\.secret is missing$/);
		// No new key either: it would make what is there unreadable for good.
		for (const name of ["main", "other"]) {
			await expect(store.entry(name).save(secret)).rejects.toMatchObject({ code: "bad-state" });
		}
		expect(existsSync(keyPath)).toBe(false);
		renameSync(`${keyPath}.away`, keyPath);
		expect(await store.entry("main").load()).toEqual(secret);
	});

	it("another key, or half a one", async () => {
		writeFileSync(keyPath, Buffer.alloc(32, 1));
		await refuses(/cannot be opened/);
		writeFileSync(keyPath, Buffer.alloc(16, 1));
		await refuses(/is not a key of 32 bytes/);
	});

	it("any changed byte", async () => {
		const good = readFileSync(file());
		for (let n = 0; n < good.length; n++) {
			const bad = Buffer.from(good);
			bad[n] = (bad[n] ?? 0) ^ 4;
			writeFileSync(file(), bad);
			await refuses(n === 5 ? /newer version/ : /cannot be opened/);
		}
	});

	it("any lost end", async () => {
		const good = readFileSync(file());
		for (const length of [0, 3, 6, 33, 34, good.length - 1]) {
			writeFileSync(file(), good.subarray(0, length));
			await refuses(/cannot be opened/);
		}
	});

	it("one entry in another's place", async () => {
		await store.entry("other").save(Buffer.from("x"));
		copyFileSync(file("other"), file());
		await refuses(/cannot be opened/);
	});
});
