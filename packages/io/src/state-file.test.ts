import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@baton/core/secret";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decodeState, encodeState, readState, type StateFormat, writeState } from "./state-file.ts";

interface Hosts {
	hosts: string[];
}

const FORMAT: StateFormat<Hosts> = {
	format: "baton-test",
	version: 3,
	parse(data) {
		const { hosts } = data as Hosts;
		if (!Array.isArray(hosts)) throw new Error(`not hosts: ${JSON.stringify(data)}`);
		return { hosts };
	},
	migrate: {
		1: (data) => ({ host: data }),
		2: (data) => ({ hosts: [(data as { host: string }).host] }),
	},
};

let folder: string;
let path: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
	path = join(folder, "state.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = () => readState(path, FORMAT);
const put = (text: string | Uint8Array) => writeFileSync(path, text);

it("reads what was written, and undefined before", async () => {
	expect(await read()).toBeUndefined();
	const value = { hosts: ["a", "ü\u2028\ud800", "", '"'] };
	await writeState(path, FORMAT, value);
	expect(await read()).toEqual(value);
	expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
		format: "baton-test",
		version: 3,
	});
});

it("brings older versions up to date, one step at a time", () => {
	const old = (version: number, data: unknown) =>
		encodeState(data, { format: "baton-test", version, parse: (x) => x });
	expect(decodeState(old(1, "a"), FORMAT, "x")).toEqual({ hosts: ["a"] });
	expect(decodeState(old(2, { host: "b" }), FORMAT, "x")).toEqual({ hosts: ["b"] });
	expect(() => decodeState(old(0, "a"), FORMAT, "x")).toThrow("does not hold what it should");
});

describe("refuses, names the file, shows nothing and touches nothing:", () => {
	const whole = encodeState({ hosts: ["topsecret"] }, FORMAT);
	const text = whole.toString();
	const with_ = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change });
	const foreign = { ...FORMAT, format: "other" };
	const newer = { ...FORMAT, version: 4 };
	const wrong = encodeState(
		{ topsecret: 1 },
		{ format: "baton-test", version: 3, parse: (x) => x },
	);
	it.each([
		["cut short", whole.subarray(0, -10), "cut short"],
		["empty", "", "cut short"],
		["zeros, as after a power cut", Buffer.alloc(200), "cut short"],
		["invalid UTF-8", Buffer.concat([whole.subarray(0, -8), Buffer.from([0xff])]), "cut short"],
		["another JSON", "[1]", "cut short"],
		["no data", with_({ data: undefined }), "cut short"],
		["an odd version", with_({ version: 2.5 }), "cut short"],
		["another format", encodeState({ hosts: [] }, foreign), "is not a baton-test state"],
		["a newer version", encodeState({ hosts: [] }, newer), "was written by a newer version"],
		["an edit", text.replace("topsecret", "topsecres"), "does not match its checksum"],
		["another shape", wrong, "does not hold what it should"],
	])("%s", async (_what, bytes, message) => {
		put(bytes);
		const failure = await read().catch((error: unknown) => error);
		expect(failure).toMatchObject({ code: "bad-state", hint: expect.any(String) });
		const said = `${failure} ${JSON.stringify(failure)} ${(failure as Error).cause}`;
		expect(said).toContain(`${path} `);
		expect(said).toContain(message);
		expect(said).not.toContain("topsecre");
		expect(readFileSync(path)).toEqual(Buffer.from(bytes));
		expect(readdirSync(folder)).toEqual(["state.json"]);
	});
});

it("never writes a Secret as its mask", async () => {
	const format = { format: "x", version: 1, parse: (data: unknown) => data };
	const value = { deep: [{ token: new Secret("topsecret") }] };
	await expect(writeState(path, format, value)).rejects.toMatchObject({
		code: "internal",
		message: expect.not.stringContaining("topsecret"),
	});
	expect(readdirSync(folder)).toEqual([]);
});

it("stores what print makes of the value", async () => {
	const format: StateFormat<Secret> = {
		format: "x",
		version: 1,
		print: (secret) => secret.reveal(),
		parse: (data) => new Secret(String(data)),
	};
	await writeState(path, format, new Secret("a"));
	expect((await readState(path, format))?.reveal()).toBe("a");
});

it("writes nothing it would not read again", async () => {
	const small = { ...FORMAT, maxBytes: 200 };
	await writeState(path, small, { hosts: ["a"] });
	const failure = writeState(path, small, { hosts: ["a".repeat(200)] });
	await expect(failure).rejects.toMatchObject({ code: "internal" });
	expect(await readState(path, small)).toEqual({ hosts: ["a"] });
	put("x".repeat(201));
	await expect(readState(path, small)).rejects.toMatchObject({ code: "unsafe-path" });
});
