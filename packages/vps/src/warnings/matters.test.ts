import type { Matter } from "@baton/core/decide-warnings";
import { DAY, HOUR, MINUTE } from "@baton/core/duration";
import type { LossEvidence } from "@baton/core/protocol";
import { expect, test } from "vitest";
import type { NameStatus } from "../control-message.ts";
import { mattersOf } from "./matters.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const LOGIN = "0123456789abcdef";

function matters(more: Partial<NameStatus>): readonly Matter[] {
	const status: NameStatus = {
		name: "work",
		state: "held",
		lineageId: LOGIN,
		generation: 4,
		failures: 0,
		sinks: [],
		serves: { until: NOW + HOUR },
		...more,
	};
	return mattersOf(status, NOW);
}

const EVIDENCE: LossEvidence = {
	since: 77,
	generation: 4,
	rotatedAt: NOW - HOUR,
	device: "laptop",
};

const sink = (state: NameStatus["sinks"][number]["state"], more: object = {}) => ({
	sinks: [{ name: "claude", state, generation: 4, trouble: undefined, ...more }],
});

/** Key, kind, news and minutes of patience. */
function brief({ key, what, news, patience }: Matter): string {
	return `${key} ${what} ${news} ${patience / MINUTE}`;
}

test.each<[string, Partial<NameStatus>]>([
	["a login that is well", { deadline: NOW + 30 * DAY }],
	["one that is being refreshed", { state: "refreshing" }],
	["a host that never had one: that is how it begins", { state: "none", need: "none-yet" }],
	["a delivered one that is being claimed", { state: "staged" }],
	["a provider that is down while a token lives", { failures: 9, refusal: "out of reach" }],
	["one that asks to wait while a token lives", { failures: 9, refusal: "rate-limited" }],
	["a sink that is well", sink("current")],
	["a sink before the first token", sink("idle")],
])("nobody is troubled with %s", (_what, status) => {
	expect(matters(status)).toEqual([]);
});

test.each<[string, Partial<NameStatus>, string]>([
	[
		"a lost login",
		{ state: "needs-login", need: "lost-in-flight", evidence: EVIDENCE },
		`work/login needs-login ${LOGIN}.77 0`,
	],
	[
		"one that was rolled back",
		{ state: "rolled-back", need: "rolled-back", evidence: EVIDENCE },
		`work/login rolled-back ${LOGIN}.77 0`,
	],
	[
		"one that nears its end",
		{ deadline: NOW + 6 * DAY, warnedDays: 7 },
		`work/login deadline-near ${LOGIN}.7 0`,
	],
	[
		"a claim that came to nothing",
		{ claimRefused: { lineageId: "fedcba9876543210", at: 5 } },
		"work/claim claim-refused fedcba9876543210.5 0",
	],
	["a doubt that lasts", { state: "in-doubt" }, `work/doubt in-doubt ${LOGIN}.4.in-doubt 30`],
	["a suspicion that lasts", { state: "suspect" }, `work/doubt suspect ${LOGIN}.4.suspect 30`],
	[
		"a provider that refuses this address",
		{ failures: 1, refusal: "forbidden" },
		"work/provider provider-refuses forbidden 15",
	],
	[
		"a provider that refuses what is asked",
		{ failures: 1, refusal: "request" },
		"work/provider provider-refuses request 15",
	],
	[
		"a provider that is down for longer than a token lives",
		{ failures: 9, refusal: "out of reach", noToken: "out-of-reach", serves: undefined as never },
		"work/provider provider-down no-token 15",
	],
	["a state that cannot be saved", { trouble: "full" }, "work/saving not-saved trouble 1"],
	[
		"the newest token in memory alone",
		{ trouble: "full", unsaved: true },
		"work/saving not-saved unsaved 1",
	],
	["somebody's login in a sink", sink("foreign"), "work/sink/claude sink-foreign foreign 0"],
	["a logout there", sink("logged-out"), "work/sink/claude sink-logged-out logged-out 0"],
	["somebody's file there", sink("not-ours"), "work/sink/claude sink-not-ours not-ours 0"],
	["a sink that fails", sink("failing"), "work/sink/claude sink-lags lags 15"],
	["a sink that lags", sink("behind"), "work/sink/claude sink-lags lags 15"],
])("a person hears of %s", (_what, status, said) => {
	expect(matters(status).map(brief)).toEqual([said]);
});

test("a lost login is told with what most likely happened, and with the next step", () => {
	const [matter] = matters({ state: "needs-login", need: "lost-in-flight", evidence: EVIDENCE });
	expect(matter).toMatchObject({
		name: "work",
		text:
			"needs a new login: the answer to a refresh was lost; most likely: the provider had replaced " +
			"its token, and the answer never came or was not saved in time; it came from laptop; " +
			"not confirmed as erased there; generation 4, last refreshed 1 h ago",
		next: "on the PC, baton status says how to make a new login for this host",
		over: "has a login that is well",
	});
});

test.each<[string, Partial<NameStatus>, string, string]>([
	[
		"a login",
		{ deadline: NOW + 6 * DAY + HOUR, warnedDays: 7 },
		"the login ends in 6 days, 2026-11-27 13:00 UTC, and no refresh moves that",
		"in its last week make a new one on the PC: baton login, for this host; there is no gap",
	],
	[
		"a setup token",
		{ deadline: NOW + 22 * HOUR, warnedDays: 1, setupToken: true },
		"the setup token ends in 22 h, 2026-11-22 10:00 UTC, and no refresh moves that",
		"claude setup-token, then batond import --setup-token",
	],
])("the end of %s is told with its date", (_what, status, text, next) => {
	expect(matters(status)).toMatchObject([{ text, next }]);
});

test("a lost login says nothing more of its end", () => {
	const status = { deadline: NOW + HOUR, warnedDays: 1, evidence: EVIDENCE } as const;
	const told = matters({ ...status, state: "needs-login", need: "revoked-or-reused" });
	expect(told.map(({ what }) => what)).toEqual(["needs-login"]);
});

test("a lost login is not over, nor told anew, while another is being claimed", () => {
	const lost = { state: "needs-login", evidence: EVIDENCE } as const;
	const [told] = matters({ ...lost, need: "lost-in-flight" });
	const [meanwhile] = matters(lost);
	expect([meanwhile?.key, meanwhile?.news]).toEqual([told?.key, told?.news]);
	expect(meanwhile?.patience).toBe(Number.POSITIVE_INFINITY);
});

test("each sink is a matter of its own", () => {
	const one = { state: "failing", generation: 4, trouble: "the disk is full", hint: "mend it" };
	const sinks = [
		{ ...one, name: "a" },
		{ ...one, name: "b" },
	] as NameStatus["sinks"];
	expect(matters({ sinks })).toMatchObject([
		{
			key: "work/sink/a",
			text: "sink a cannot be given the newest token: the disk is full",
			next: "mend it",
		},
		{ key: "work/sink/b" },
	]);
});
