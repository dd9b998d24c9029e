import { describe, expect, test } from "vitest";
import { BatonError } from "./error.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";
import {
	formatEntry,
	isArmed,
	isUnexpired,
	parseEntry,
	sessionFingerprint,
	setupTokenSession,
} from "./session.ts";

/** As claude 2.1.330 writes it, and a key of a later version. */
const FULL = {
	accessToken: "sk-ant-oat01-CANARY-a",
	refreshToken: "sk-ant-ort01-CANARY-r",
	expiresAt: 1_700_000_000_000,
	refreshTokenExpiresAt: 1_702_000_000_000,
	scopes: ["user:inference", "user:profile"],
	accountUuid: "acct",
	subscriptionType: "max",
	rateLimitTier: "default",
	clientId: "id",
	keyOfALaterVersion: { nested: [1, null] },
};

describe("an entry that claude wrote", () => {
	test("comes back as it was, unknown keys too", () => {
		expect(formatEntry(parseEntry(FULL))).toEqual(FULL);
	});

	test("shows no token as JSON", () => {
		expect(JSON.stringify(parseEntry(FULL))).not.toContain("CANARY");
	});

	test.each<[what: string, entry: object, expected: object]>([
		["no scopes", { accessToken: "a", refreshToken: "r" }, { scopes: [] }],
		["scopes null", { accessToken: "a", refreshToken: "r", scopes: null }, { scopes: [] }],
		["no expiry", { accessToken: "a", refreshToken: "r" }, { expiresAt: undefined }],
		["expiry null", { accessToken: "a", expiresAt: null }, { expiresAt: undefined }],
		["no deadline", { accessToken: "a", refreshToken: "r" }, { deadline: undefined }],
		["refresh token null", { accessToken: "a", refreshToken: null }, { refreshToken: undefined }],
		["refresh token empty", { accessToken: "a", refreshToken: "" }, { refreshToken: undefined }],
		["tokens empty", { accessToken: "", refreshToken: "", expiresAt: 0 }, { expiresAt: 0 }],
		["account null", { accessToken: "a", accountUuid: null }, { account: undefined }],
	])("%s", (_what, entry, expected) => {
		expect(parseEntry(entry)).toMatchObject(expected);
	});

	test("a key named __proto__ reaches no prototype", () => {
		const entry = JSON.parse('{"accessToken":"a","__proto__":{"polluted":1}}');
		const session = parseEntry(entry);
		expect(({} as Record<string, unknown>).polluted).toBeUndefined();
		expect((session.rest as Record<string, unknown>).polluted).toBeUndefined();
	});
});

describe("what is no entry is refused, by the field's name alone", () => {
	test.each<[what: string, value: unknown, field: string]>([
		["no access token", { refreshToken: "CANARY" }, "accessToken"],
		["access token a number", { accessToken: 5 }, "accessToken"],
		["access token null", { accessToken: null }, "accessToken"],
		["a token of 10 MB", { accessToken: "CANARY".repeat(1_700_000) }, "accessToken"],
		["refresh token an object", { accessToken: "a", refreshToken: { CANARY: 1 } }, "refreshToken"],
		["expiry a string", { accessToken: "a", expiresAt: "CANARY" }, "expiresAt"],
		["expiry negative", { accessToken: "a", expiresAt: -1 }, "expiresAt"],
		["expiry beyond all dates", { accessToken: "a", expiresAt: 1e17 }, "expiresAt"],
		["scopes a string", { accessToken: "a", scopes: "CANARY" }, "scopes"],
		["a scope a number", { accessToken: "a", scopes: [1] }, "scopes.0"],
		["ten thousand scopes", { accessToken: "a", scopes: Array(10_000).fill("CANARY") }, "scopes"],
		["account a number", { accessToken: "a", accountUuid: 1 }, "accountUuid"],
		["null", null, "the entry"],
		["a string", "CANARY", "the entry"],
		["an array", ["CANARY"], "the entry"],
	])("%s", (_what, value, field) => {
		const error = thrown(() => parseEntry(value));
		expect(error.code).toBe("bad-credentials");
		expect(error.message).toBe(`not a login that claude wrote: ${field} is wrong`);
		expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain("CANARY");
	});
});

function thrown(act: () => unknown): BatonError {
	try {
		act();
	} catch (error) {
		if (error instanceof BatonError) return error;
		throw error;
	}
	throw new Error("nothing was thrown");
}

test.each<[what: string, entry: object, armed: boolean]>([
	["a refresh token", { refreshToken: "r", expiresAt: 5 }, true],
	["a refresh token and no expiry", { refreshToken: "r" }, true],
	["a refresh token and expiry 0", { refreshToken: "r", expiresAt: 0 }, false],
	["an empty refresh token", { refreshToken: "", expiresAt: 5 }, false],
	["no refresh token", { expiresAt: 5 }, false],
])("%s: armed %j", (_what, entry, armed) => {
	expect(isArmed(parseEntry({ accessToken: "a", ...entry }))).toBe(armed);
});

test.each<[expiresAt: number | undefined, now: number, unexpired: boolean]>([
	[undefined, Number.MAX_SAFE_INTEGER, true],
	[100, 99, true],
	[100, 100, false],
	[0, 0, false],
])("expiresAt %j at %d: unexpired %j", (expiresAt, now, unexpired) => {
	expect(isUnexpired(parseEntry({ accessToken: "a", expiresAt }), now)).toBe(unexpired);
});

test("a login is known by its refresh token, a setup token by itself", () => {
	const login = parseEntry(FULL);
	expect(sessionFingerprint(login)).toBe(fingerprint(new Secret(FULL.refreshToken)));
	const setup = setupTokenSession(new Secret("sk-ant-oat01-setup"), 9);
	expect(sessionFingerprint(setup)).toBe(fingerprint(new Secret("sk-ant-oat01-setup")));
	expect(setup).toMatchObject({ kind: "setup-token", deadline: 9, refreshToken: undefined });
	expect(isArmed(setup)).toBe(false);
});
