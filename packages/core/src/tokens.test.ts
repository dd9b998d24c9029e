import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRecord, parseRecord } from "./custody-record.ts";
import { emptyRecord } from "./custody-state.ts";
import { DAY, HOUR } from "./duration.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import { judgeRefresh } from "./oauth.ts";
import { type ArmedSession, isArmed, oddToken, parseEntry } from "./session.ts";
import { readTokens, rotate, type Tokens } from "./tokens.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const GOOD = { access_token: "new-access", refresh_token: "new-refresh", expires_in: 28_800 };

function tokensOf(fields: object): Tokens {
	const tokens = readTokens({ ...GOOD, ...fields });
	if (tokens === undefined) throw new Error("not readable");
	return tokens;
}

function session(fields: object = {}): ArmedSession {
	const parsed = parseEntry({
		accessToken: "old-access",
		refreshToken: "old-refresh",
		scopes: ["user:inference", "user:profile"],
		...fields,
	});
	if (!isArmed(parsed)) throw new Error("made to be armed");
	return parsed;
}

describe("the tokens of a rotation", () => {
	test.each<[what: string, expiresIn: unknown, ms: number]>([
		["8 h", 28_800, 8 * HOUR],
		["in a string", "28800", 8 * HOUR],
		["with a fraction", 1.5, 1_500],
		["a month", 2_592_000, 30 * DAY],
		["left out", undefined, HOUR],
		["null", null, HOUR],
		["0", 0, HOUR],
		["less than a second", 0.5, HOUR],
		["negative", -5, HOUR],
		["negative, in a string", "-5", HOUR],
		["not a number", Number.NaN, HOUR],
		["infinite", Number.POSITIVE_INFINITY, HOUR],
		["text", "soon", HOUR],
		["hexadecimal", "0x7080", HOUR],
		["an object", {}, HOUR],
		["an array", [28_800], HOUR],
		["true", true, HOUR],
		// Believed in, it would be dead for most of that time.
		["in milliseconds", 28_800_000, HOUR],
		["an instant", 1_795_348_800, HOUR],
		["a thousand years", 31_536_000_000, HOUR],
		["more than any number holds", 1e308, HOUR],
	])("expires_in %s", (_what, expires_in, ms) => {
		expect(tokensOf({ expires_in }).expiresInMs).toBe(ms);
	});

	test.each<[what: string, told: unknown, ms: number | undefined]>([
		["30 days", 2_592_000, 30 * DAY],
		["in a string", "2592000", 30 * DAY],
		["as long as the access token", 28_800, 8 * HOUR],
		["less than the access token", 28_799, undefined],
		["left out", undefined, undefined],
		["0", 0, undefined],
		["negative", -1, undefined],
		["text", "CANARY", undefined],
		["an instant in ms", 1_795_348_800_000, undefined],
	])("refresh_token_expires_in %s", (_what, refresh_token_expires_in, ms) => {
		expect(tokensOf({ refresh_token_expires_in }).deadlineInMs).toBe(ms);
	});

	test.each<[what: string, refresh_token: unknown]>([
		["left out", undefined],
		["null", null],
		["empty", ""],
		["blank", "  "],
	])("refresh_token %s: none is new", (_what, refresh_token) => {
		expect(tokensOf({ refresh_token }).refreshToken).toBeUndefined();
	});

	test.each<[what: string, scope: unknown, scopes: string[] | undefined]>([
		["two", "user:inference user:profile", ["user:inference", "user:profile"]],
		["two, far apart", "  user:inference   user:profile ", ["user:inference", "user:profile"]],
		["with odd ones among them", 'user:inference "x" \u00e4', ["user:inference"]],
		["left out", undefined, undefined],
		["empty", "", undefined],
		["blank", "   ", undefined],
		["an array", ["x"], undefined],
		["a number", 5, undefined],
	])("scope %s", (_what, scope, scopes) => {
		expect(tokensOf({ scope }).scopes).toEqual(scopes);
	});

	test("of two under one key the last one counts, as for every reader of JSON there is", () => {
		const text = '{"access_token":"a","access_token":"b","refresh_token":"c","refresh_token":"d"}';
		const tokens = readTokens(JSON.parse(text));
		expect(tokens?.accessToken.reveal()).toBe("b");
		expect(tokens?.refreshToken?.reveal()).toBe("d");
	});
});

describe("the session after a rotation", () => {
	const TOKENS = tokensOf({});
	const END = NOW + 20 * DAY;

	test("new tokens, new expiry, everything else as it was", () => {
		const before = session({ refreshTokenExpiresAt: END, subscriptionType: "max" });
		const after = rotate(before, TOKENS, NOW);
		expect(after.accessToken.reveal()).toBe("new-access");
		expect(after.refreshToken?.reveal()).toBe("new-refresh");
		expect(after).toMatchObject({
			expiresAt: NOW + 8 * HOUR,
			deadline: END,
			scopes: ["user:inference", "user:profile"],
			rest: { subscriptionType: "max" },
		});
	});

	test("no new refresh token: the old one stays", () => {
		const after = rotate(session(), { ...TOKENS, refreshToken: undefined }, NOW);
		expect(after.refreshToken?.reveal()).toBe("old-refresh");
	});

	test("fewer scopes in an answer take none from the login", () => {
		const after = rotate(session(), tokensOf({ scope: "user:profile" }), NOW);
		expect(after.scopes).toEqual(["user:inference", "user:profile"]);
	});

	test.each<[before: number | undefined, toldIn: number | undefined, after: number | undefined]>([
		[END, undefined, END],
		[END, 30 * DAY, END],
		[END, 10 * DAY, NOW + 10 * DAY],
		[undefined, 10 * DAY, NOW + 10 * DAY],
		[undefined, undefined, undefined],
	])("deadline %j, told %j from now: %j, never later", (before, toldIn, after) => {
		const held = session({ refreshTokenExpiresAt: before });
		expect(rotate(held, { ...TOKENS, deadlineInMs: toldIn }, NOW).deadline).toBe(after);
	});
});

describe("whatever a provider answers", () => {
	const odd = fc.oneof(
		fc.string({ unit: "binary", maxLength: 300 }),
		fc.constantFrom("", "sk-ant-ort01-CANARY", "user:profile", "x".repeat(9000), "a ".repeat(500)),
		fc.double(),
		fc.integer(),
		fc.constantFrom(0, -1, 1, 59, 28_800, 1e18, Number.MAX_VALUE, null, true),
		fc.jsonValue({ maxDepth: 2 }),
	);
	const answer = fc.record(
		{
			access_token: fc.oneof({ weight: 4, arbitrary: fc.constant("sk-ant-oat01-CANARY") }, odd),
			refresh_token: odd,
			expires_in: odd,
			refresh_token_expires_in: odd,
			scope: odd,
			error: odd,
		},
		{ requiredKeys: [] },
	);
	const body = fc.oneof(
		{ weight: 5, arbitrary: answer.map((fields) => JSON.stringify(fields)) },
		{ weight: 1, arbitrary: fc.json() },
		{ weight: 1, arbitrary: fc.string({ unit: "binary" }) },
	);
	const response = fc.record({
		status: fc.oneof(
			fc.constantFrom(200, 400, 401, 408, 429, 503),
			fc.integer({ min: 200, max: 599 }),
		),
		retryAfter: fc.option(fc.string(), { nil: undefined }),
		date: fc.option(fc.string(), { nil: undefined }),
		body: fc.option(body, { nil: undefined }),
	});
	const RUNS = { numRuns: 2_000, seed: 20261122 };

	test("it is judged, dead only by invalid_grant, and no judgement shows a token", () => {
		void fc.assert(
			fc.property(response, (given) => {
				const judged = judgeRefresh(given, NOW);
				expect(JSON.stringify(judged)).not.toContain("CANARY");
				if (judged.kind === "dead") expect(given.body).toContain("invalid_grant");
				if (judged.kind === "rotated") expect(given.status).toBeLessThan(300);
				if (judged.kind !== "refused" || judged.retryAfterMs === undefined) return;
				expect(judged.retryAfterMs).toBeGreaterThanOrEqual(0);
			}),
			RUNS,
		);
	});

	test("the login after it is one that can be kept, given out and refreshed again", () => {
		const before = session({ refreshTokenExpiresAt: NOW + 20 * DAY });
		let rotations = 0;
		void fc.assert(
			fc.property(answer, (fields) => {
				const judged = judgeRefresh(
					{ status: 200, retryAfter: undefined, date: undefined, body: JSON.stringify(fields) },
					NOW,
				);
				if (judged.kind !== "rotated") return;
				rotations += 1;
				const after = rotate(before, judged.tokens, NOW);
				expect(isArmed(after)).toBe(true);
				expect(oddToken(after)).toBeUndefined();
				expect(after.scopes).toContain("user:inference");
				expect(after.expiresAt).toBeGreaterThan(NOW);
				expect(after.expiresAt).toBeLessThanOrEqual(NOW + 31 * DAY);
				expect(after.deadline).toBeLessThanOrEqual(NOW + 20 * DAY);
				expect(after.deadline).toBeGreaterThan(NOW);
				expect(keptAs(after)).toEqual(after);
			}),
			RUNS,
		);
		expect(rotations).toBeGreaterThan(100);
	});

	/** As it comes back from the disk. */
	function keptAs(held: ReturnType<typeof rotate>) {
		const lineage = madeUpLineage({ session: held });
		const record = { ...emptyRecord("default", "ab".repeat(32)), current: lineage };
		return parseRecord(formatRecord(record)).current?.session;
	}
});
