import { describe, expect, test } from "vitest";
import { disarmEntry, readCredentials, removeEntry, writeSession } from "./credentials-file.ts";
import { BatonError } from "./error.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";
import { isArmed, parseEntry } from "./session.ts";

const ENTRY = {
	accessToken: "sk-ant-oat01-CANARY-a",
	refreshToken: "sk-ant-ort01-CANARY-r",
	expiresAt: 1_700_000_000_000,
	refreshTokenExpiresAt: 1_702_000_000_000,
	scopes: ["user:inference"],
	laterKey: { kept: true },
};
const OTHERS = { mcpOAuth: { server: { token: "CANARY-mcp" } }, laterFile: [1] };
const FILE = { ...OTHERS, claudeAiOauth: ENTRY };
const TEXT = JSON.stringify(FILE);
const BOM = String.fromCharCode(0xfeff);
const fp = fingerprint(new Secret(ENTRY.refreshToken));

describe("reading", () => {
	test.each<[what: string, text: string]>([
		["as claude writes it", TEXT],
		["with a byte order mark", BOM + TEXT],
		["with CRLF and indents", JSON.stringify(FILE, null, 2).replaceAll("\n", "\r\n")],
		["with a newline at its end", `${TEXT}\n`],
		["with a key twice, the last counting", TEXT.replace("{", '{"claudeAiOauth":null,')],
		["with 900 kB of other keys", JSON.stringify({ ...FILE, big: "x".repeat(900_000) })],
	])("a login %s", (_what, text) => {
		expect(readCredentials(text)).toMatchObject({ kind: "login", fp });
	});

	test.each<[what: string, text: string | undefined]>([
		["no file", undefined],
		["no entry", JSON.stringify(OTHERS)],
		["an empty object", "{}"],
		["entry null", '{"claudeAiOauth":null}'],
		["refresh token empty", file({ refreshToken: "" })],
		["refresh token null", file({ refreshToken: null })],
		["tokens empty and expiresAt 0", file({ accessToken: "", refreshToken: "", expiresAt: 0 })],
		["expiresAt 0 alone", file({ expiresAt: 0 })],
	])("blank: %s", (_what, text) => {
		expect(readCredentials(text).kind).toBe("blank");
	});

	test("a disarmed file still shows the access token that was left in it", () => {
		const reading = readCredentials(disarmEntry(TEXT));
		expect(reading).toMatchObject({ kind: "blank" });
		const left = reading.kind === "blank" ? reading.session?.accessToken.reveal() : undefined;
		expect(left).toBe(ENTRY.accessToken);
	});

	test.each<[what: string, text: string]>([
		["an empty file", ""],
		["one byte short", TEXT.slice(0, -1)],
		["cut in a token", TEXT.slice(0, TEXT.indexOf("ort01-CANARY") + 9)],
		["two files in one", TEXT + TEXT],
		["nul bytes, as after a power cut", "\0".repeat(500)],
		["text", "CANARY"],
		["an array", "[]"],
		["a string", '"CANARY"'],
		["null", "null"],
		["entry a string", '{"claudeAiOauth":"CANARY"}'],
		["entry an array", '{"claudeAiOauth":["CANARY"]}'],
		["no access token", file({ accessToken: undefined })],
		["a token of 10 MB", file({ refreshToken: "CANARY".repeat(1_700_000) })],
		["nested 100 000 deep", "[".repeat(100_000)],
	])("unreadable, and its content is not told: %s", (_what, text) => {
		const reading = readCredentials(text);
		expect(reading.kind).toBe("unreadable");
		expect(JSON.stringify(reading)).not.toContain("CANARY");
	});
});

function file(entry: object): string {
	return JSON.stringify({ ...OTHERS, claudeAiOauth: { ...ENTRY, ...entry } });
}

describe("disarming", () => {
	test("blanks the refresh token and changes nothing else", () => {
		expect(JSON.parse(disarmEntry(TEXT))).toEqual({
			...OTHERS,
			claudeAiOauth: { ...ENTRY, refreshToken: "" },
		});
	});

	test.each([
		["a file without the entry", JSON.stringify(OTHERS)],
		["an entry that is none", '{"claudeAiOauth":"x"}'],
	])("leaves %s as it is", (_what, text) => {
		expect(disarmEntry(text)).toBe(text);
	});

	test("twice is as good as once, with or without a byte order mark", () => {
		expect(disarmEntry(disarmEntry(TEXT))).toBe(disarmEntry(TEXT));
		expect(disarmEntry(BOM + TEXT)).toBe(disarmEntry(TEXT));
	});
});

describe("removing the entry", () => {
	test("keeps what belongs to others", () => {
		expect(JSON.parse(removeEntry(TEXT) ?? "")).toEqual(OTHERS);
	});

	test.each([
		["only the entry", JSON.stringify({ claudeAiOauth: ENTRY })],
		["nothing", "{}"],
	])("with %s there, the file can go", (_what, text) => {
		expect(removeEntry(text)).toBeUndefined();
	});
});

describe("writing a session", () => {
	const session = parseEntry({ ...ENTRY, refreshToken: "next", anotherKey: 1 });

	test("replaces the entry and keeps what belongs to others", () => {
		expect(JSON.parse(writeSession(TEXT, session))).toEqual({
			...OTHERS,
			claudeAiOauth: { ...ENTRY, refreshToken: "next", anotherKey: 1 },
		});
	});

	test("makes a file where there is none", () => {
		const written = readCredentials(writeSession(undefined, session));
		expect(written).toMatchObject({ kind: "login", fp: fingerprint(new Secret("next")) });
	});

	test("what was taken and is put back is the login it was", () => {
		const taken = readCredentials(TEXT);
		if (taken.kind !== "login") throw new Error("the file holds a login");
		const back = writeSession(disarmEntry(TEXT), taken.session);
		expect(JSON.parse(back)).toEqual(FILE);
		expect(isArmed(taken.session)).toBe(true);
	});
});

describe("a file that is none is not rewritten, and no error shows it", () => {
	const session = parseEntry(ENTRY);
	test.each<[what: string, act: () => unknown]>([
		["disarm half-written", () => disarmEntry(TEXT.slice(0, -9))],
		["remove half-written", () => removeEntry(TEXT.slice(0, -9))],
		["write over half-written", () => writeSession(TEXT.slice(0, -9), session)],
		["write over an empty file", () => writeSession("", session)],
		["disarm text", () => disarmEntry("CANARY")],
		["disarm an array", () => disarmEntry('["CANARY"]')],
	])("%s", (_what, act) => {
		let error: unknown;
		try {
			act();
		} catch (caught) {
			error = caught;
		}
		expect(error).toBeInstanceOf(BatonError);
		expect((error as BatonError).code).toBe("bad-credentials");
		expect(`${(error as BatonError).message} ${(error as BatonError).cause}`).not.toContain(
			"CANARY",
		);
	});
});
