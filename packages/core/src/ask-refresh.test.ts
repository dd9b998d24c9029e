import { expect, test } from "vitest";
import { askRefresh, lapseAsk } from "./ask-refresh.ts";
import type { Draft } from "./custody-draft.ts";
import { DEFAULT_RULES, emptyRecord, freshRun, type Lineage } from "./custody-state.ts";
import { HOUR, MINUTE } from "./duration.ts";
import type { CustodyEffect } from "./effect.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import { Secret } from "./secret.ts";
import { parseEntry, setupTokenSession } from "./session.ts";

const T0 = 1_700_000_000_000;
const session = parseEntry({
	accessToken: "CANARY-a1",
	refreshToken: "CANARY-r1",
	expiresAt: T0 + 8 * HOUR,
	refreshTokenExpiresAt: T0 + 700 * HOUR,
});
const HELD = madeUpLineage({ session, obtainedAt: T0 });

function draftOf(current: Lineage | undefined, retryAt = 0): Draft {
	const run = freshRun(T0);
	return {
		record: { ...emptyRecord("default", "0".repeat(64)), current },
		run: {
			...run,
			refreshRetry: { ...run.refreshRetry, current: { failures: retryAt ? 1 : 0, at: retryAt } },
		},
		rules: DEFAULT_RULES,
		effects: [],
	};
}

function verdictOf(draft: Draft, now: number, force = false) {
	askRefresh(draft, "k", force, now);
	const effect: CustodyEffect | undefined = draft.reply?.();
	return effect?.type === "verdict" ? { key: effect.key, ...effect.verdict } : undefined;
}

const intent = { at: T0 };

test.each<[what: string, Lineage | undefined, after: number, retry: number, verdict: object]>([
	["held, a quarter of its life over", HELD, 2 * HOUR, 0, { kind: "asked" }],
	["a moment less", HELD, 2 * HOUR - 1, 0, { why: "too-soon", from: T0 + 2 * HOUR }],
	["its access token has ended", HELD, 9 * HOUR, 0, { kind: "asked" }],
	["during a wait", HELD, 3 * HOUR, 3 * HOUR + 1, { why: "backing-off", from: T0 + 3 * HOUR + 1 }],
	["after a wait", HELD, 3 * HOUR, 3 * HOUR, { kind: "asked" }],
	["the clock is behind the token", HELD, -HOUR, 0, { why: "too-soon", from: T0 + 2 * HOUR }],
	[
		"no end known",
		{ ...HELD, session: { ...session, expiresAt: undefined } },
		900 * MINUTE,
		0,
		{ why: "end-unknown" },
	],
	["the login has ended", HELD, 700 * HOUR, 0, { why: "no-refresh" }],
	[
		"a setup token",
		{ ...HELD, session: setupTokenSession(new Secret("CANARY-s"), T0 + 9_000 * HOUR) },
		8_999 * HOUR,
		0,
		{ why: "no-refresh" },
	],
	["no login", undefined, 3 * HOUR, 0, { why: "not-held" }],
	[
		"in doubt",
		{ ...HELD, phase: { name: "in-doubt", intent, lateTryAt: undefined } },
		3 * HOUR,
		0,
		{ why: "not-held" },
	],
	["suspect", { ...HELD, phase: { name: "suspect", since: T0 } }, 3 * HOUR, 0, { why: "not-held" }],
	[
		"under way, however soon",
		{ ...HELD, phase: { name: "refreshing", intent, before: { name: "held" } } },
		MINUTE,
		0,
		{ kind: "asked" },
	],
])("%s", (_what, lineage, after, retry, wanted) => {
	const draft = draftOf(lineage, retry === 0 ? 0 : T0 + retry);
	const declined = "why" in wanted;
	expect(verdictOf(draft, T0 + after)).toEqual({
		key: "k",
		kind: declined ? "declined" : "asked",
		...wanted,
	});
	// Told is what is remembered, and only what is granted is noted.
	const granted = !declined && lineage?.phase.name === "held";
	expect(draft.run.asked !== undefined).toBe(granted);
	expect(draft.effects.map((effect) => effect.type === "note" && effect.what)).toEqual(
		granted ? ["refresh-asked"] : [],
	);
});

test.each<[what: string, lineage: Lineage, after: number, retry: number, verdict: object]>([
	["in its first quarter", HELD, MINUTE, 0, { kind: "asked" }],
	[
		"no end known",
		{ ...HELD, session: { ...session, expiresAt: undefined } },
		0,
		0,
		{ kind: "asked" },
	],
	["during a wait all the same not", HELD, MINUTE, HOUR, { why: "backing-off", from: T0 + HOUR }],
	["a login that has ended not", HELD, 700 * HOUR, 0, { why: "no-refresh" }],
	["suspect not", { ...HELD, phase: { name: "suspect", since: T0 } }, 0, 0, { why: "not-held" }],
])("forced: %s", (_what, lineage, after, retry, wanted) => {
	const draft = draftOf(lineage, retry === 0 ? 0 : T0 + retry);
	const kind = "why" in wanted ? "declined" : "asked";
	expect(verdictOf(draft, T0 + after, true)).toEqual({ key: "k", kind, ...wanted });
	expect(draft.run.asked?.force).toBe(kind === "asked" ? true : undefined);
});

test("an ask lapses with its time, its token and its login, and not before", () => {
	const asked = () => {
		const draft = draftOf(HELD);
		askRefresh(draft, "k", false, T0 + 3 * HOUR);
		return draft;
	};
	const after = (change: (draft: Draft) => void, now = T0 + 3 * HOUR) => {
		const draft = asked();
		change(draft);
		lapseAsk(draft, now);
		return draft.run.asked !== undefined;
	};
	const become = (lineage: Lineage | undefined) => (draft: Draft) => {
		draft.record = { ...draft.record, current: lineage };
	};
	const same = become(HELD);
	expect(after(same)).toBe(true);
	expect(after(same, T0 + 3 * HOUR + 2 * MINUTE - 1)).toBe(true);
	expect(after(same, T0 + 3 * HOUR + 2 * MINUTE)).toBe(false);
	const refreshing = { name: "refreshing", intent, before: { name: "held" } } as const;
	expect(after(become({ ...HELD, phase: refreshing }))).toBe(true);
	const other = { ...session, accessToken: new Secret("CANARY-a2") };
	expect(after(become({ ...HELD, session: other }))).toBe(false);
	expect(after(become({ ...HELD, phase: { name: "suspect", since: T0 } }))).toBe(false);
	expect(after(become(undefined))).toBe(false);
});
