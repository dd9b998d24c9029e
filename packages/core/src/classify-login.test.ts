import { describe, expect, test } from "vitest";
import { classifyLogin, type StoreView, type Verdict, viewOf } from "./classify-login.ts";
import { type Reading, readCredentials } from "./credentials-file.ts";
import { DAY, HOUR } from "./duration.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";

const END = 1_800_000_000_000;
const fpOf = (token: string) => fingerprint(new Secret(token));

interface Entry {
	refreshToken?: string | null;
	expiresAt?: number;
	refreshTokenExpiresAt?: number | undefined;
	accountUuid?: string | undefined;
}

function store(entry: Entry): Reading {
	const claudeAiOauth = { accessToken: "a", expiresAt: END - 29 * DAY, ...entry };
	return readCredentials(JSON.stringify({ claudeAiOauth }));
}

const LOGIN: Entry = { refreshToken: "R1", refreshTokenExpiresAt: END, accountUuid: "me" };
const NO_FILE = readCredentials(undefined);
const HALF_WRITTEN = readCredentials('{"claudeAiOauth":{"accessToken":"a","refre');

/** The memory after having seen these, one after another. */
function seen(...readings: Reading[]): StoreView | undefined {
	return readings.reduce<StoreView | undefined>(viewOf, undefined);
}

interface Row {
	change: string;
	before: StoreView | undefined;
	after: Reading;
	verdict: Verdict;
}

const before = seen(store(LOGIN));

describe("the table of the design", () => {
	test.each<Row>([
		{ change: "same refresh token", before, after: store(LOGIN), verdict: "unchanged" },
		{
			change: "same refresh token, everything else new",
			before,
			after: store({ ...LOGIN, refreshTokenExpiresAt: END + 30 * DAY, accountUuid: "you" }),
			verdict: "unchanged",
		},
		{ change: "the file is gone", before, after: NO_FILE, verdict: "blank" },
		{
			change: "refresh token gone",
			before,
			after: store({ refreshTokenExpiresAt: END }),
			verdict: "blank",
		},
		{
			change: "refresh token null",
			before,
			after: store({ ...LOGIN, refreshToken: null }),
			verdict: "blank",
		},
		{
			change: "refresh token empty",
			before,
			after: store({ ...LOGIN, refreshToken: "" }),
			verdict: "blank",
		},
		{
			change: "expiresAt 0 beside a refresh token",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", expiresAt: 0 }),
			verdict: "blank",
		},
		{
			change: "no file before, a refresh token now",
			before: seen(NO_FILE),
			after: store(LOGIN),
			verdict: "login",
		},
		{
			change: "blank before, another refresh token now",
			before: seen(store(LOGIN), NO_FILE),
			after: store({ ...LOGIN, refreshToken: "R2" }),
			verdict: "login",
		},
		{
			change: "other account, although the deadline is the same",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", accountUuid: "you" }),
			verdict: "login",
		},
		{
			change: "deadline later by more than 60 s",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: END + 60_001 }),
			verdict: "login",
		},
		{
			change: "deadline later by 60 s",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: END + 60_000 }),
			verdict: "provisional",
		},
		{
			change: "deadline later by more than rounding moves it",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: END + 2_001 }),
			verdict: "provisional",
		},
		{
			change: "deadline later by a rounding",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: END + 2_000 }),
			verdict: "rotation",
		},
		{
			change: "same deadline",
			before,
			after: store({ ...LOGIN, refreshToken: "R2" }),
			verdict: "rotation",
		},
		{
			change: "earlier deadline",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: END - 9 * DAY }),
			verdict: "rotation",
		},
		{
			change: "no deadline now",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", refreshTokenExpiresAt: undefined }),
			verdict: "provisional",
		},
		{
			change: "no deadline before",
			before: seen(store({ ...LOGIN, refreshTokenExpiresAt: undefined })),
			after: store({ ...LOGIN, refreshToken: "R2" }),
			verdict: "provisional",
		},
	])("$change: $verdict", ({ before, after, verdict }) => {
		expect(classifyLogin(before, after, () => false)).toBe(verdict);
	});
});

describe("beside the table", () => {
	test.each<Row>([
		{
			change: "the first look ever finds a login",
			before: undefined,
			after: store(LOGIN),
			verdict: "first-sight",
		},
		{
			change: "the first look ever finds none",
			before: undefined,
			after: NO_FILE,
			verdict: "blank",
		},
		{ change: "blank, still blank", before: seen(NO_FILE), after: NO_FILE, verdict: "unchanged" },
		{ change: "half-written", before, after: HALF_WRITTEN, verdict: "unchanged" },
		{
			change: "half-written at the first look",
			before: undefined,
			after: HALF_WRITTEN,
			verdict: "unchanged",
		},
		{
			change: "blank, then the very login of before",
			before: seen(store(LOGIN), NO_FILE),
			after: store(LOGIN),
			verdict: "unchanged",
		},
		{
			change: "blank twice, then the very login of before",
			before: seen(store(LOGIN), NO_FILE, store({ ...LOGIN, refreshToken: "" })),
			after: store(LOGIN),
			verdict: "unchanged",
		},
		{
			change: "an account not named before is no other account",
			before: seen(store({ ...LOGIN, accountUuid: undefined })),
			after: store({ ...LOGIN, refreshToken: "R2" }),
			verdict: "rotation",
		},
		{
			change: "an account not named now is no other account",
			before,
			after: store({ ...LOGIN, refreshToken: "R2", accountUuid: undefined }),
			verdict: "rotation",
		},
		{
			change: "other account and no deadline",
			before,
			after: store({
				...LOGIN,
				refreshToken: "R2",
				accountUuid: "you",
				refreshTokenExpiresAt: undefined,
			}),
			verdict: "login",
		},
	])("$change: $verdict", ({ before, after, verdict }) => {
		expect(classifyLogin(before, after, () => false)).toBe(verdict);
	});

	test.each<[what: string, before: StoreView | undefined]>([
		["at the first look", undefined],
		["over another login", seen(store({ ...LOGIN, refreshToken: "R0" }))],
		["over a blank", seen(NO_FILE)],
		["still there", before],
	])("one that was handed over came back: %s", (_what, before) => {
		const isOurs = (fp: string) => fp === fpOf("R1");
		expect(classifyLogin(before, store(LOGIN), isOurs)).toBe("came-back");
	});
});

describe("what is remembered of a look", () => {
	test("a look that says nothing leaves the memory as it was", () => {
		expect(viewOf(before, HALF_WRITTEN)).toBe(before);
		expect(viewOf(undefined, HALF_WRITTEN)).toBeUndefined();
	});

	test("a half-written file between two looks hides no rotation and no login", () => {
		const between = viewOf(before, HALF_WRITTEN);
		const rotated = store({ ...LOGIN, refreshToken: "R2" });
		const fresh = store({ ...LOGIN, refreshToken: "R3", refreshTokenExpiresAt: END + HOUR });
		expect(classifyLogin(between, rotated, () => false)).toBe("rotation");
		expect(classifyLogin(between, fresh, () => false)).toBe("login");
	});

	test("only fingerprints, account and deadline: no token", () => {
		expect(before).toEqual({ fp: fpOf("R1"), lastFp: undefined, account: "me", deadline: END });
		expect(seen(store(LOGIN), NO_FILE)).toEqual({
			fp: undefined,
			lastFp: fpOf("R1"),
			account: undefined,
			deadline: undefined,
		});
	});
});
