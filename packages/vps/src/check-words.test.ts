import { DAY, HOUR, MINUTE } from "@baton/core/duration";
import { expect, test } from "vitest";
import { type CheckView, judgeCheck } from "./check-words.ts";
import type { NameStatus } from "./control-message.ts";
import { ANOTHER_SETUP_TOKEN } from "./explain-state.ts";

const NOW = Date.UTC(2026, 10, 21, 22, 58);
const UNTIL = Date.UTC(2026, 10, 22, 4, 10);
const WELL: NameStatus = {
	name: "default",
	state: "held",
	lineageId: "a1".repeat(8),
	generation: 3,
	device: "laptop",
	accessUntil: UNTIL,
	deadline: Date.UTC(2026, 11, 20, 1),
	serves: { until: UNTIL },
	failures: 0,
	sinks: [{ name: "claude", state: "current", generation: 3, trouble: undefined }],
};
const { serves: _serves, ...ENDED } = { ...WELL, accessUntil: NOW - MINUTE };
const sink = (state: NameStatus["sinks"][number]["state"]) => ({
	sinks: [{ name: "claude", state, generation: 3, trouble: undefined }],
});
const SHORT = { serves: { until: NOW + 90 * MINUTE } };
const NEW_LOGIN = "next: on the PC, baton status says how to make a new login for this host";

function judged(status: NameStatus, view: Partial<CheckView> = {}) {
	return judgeCheck(status, { now: NOW, withinMs: 2 * HOUR, fix: undefined, ...view });
}

const LEFT = "5 h 12 min left, until 2026-11-22 04:10 UTC (login ends 2026-12-20)";
const LITTLE = "1 h 30 min left, until 2026-11-22 00:28 UTC (login ends 2026-12-20)";

test.each<[what: string, status: NameStatus, code: number, line: string]>([
	["well", WELL, 0, LEFT],
	["refreshing", { ...WELL, state: "refreshing" }, 0, LEFT],
	[
		"due",
		{ ...WELL, ...SHORT },
		9,
		`${LITTLE}; refresh due; next: batond check --fix --name default`,
	],
	[
		"exactly what is asked for is enough",
		{ ...WELL, serves: { until: NOW + 2 * HOUR } },
		0,
		"2 h left, until 2026-11-22 00:58 UTC (login ends 2026-12-20)",
	],
	[
		"due, and the provider does not answer",
		{ ...WELL, ...SHORT, failures: 2, refusal: "out of reach" },
		9,
		`${LITTLE}; the provider is out of reach; refresh due`,
	],
	[
		"its login nears its end",
		{ ...WELL, deadline: NOW + 6 * DAY, warnedDays: 7 },
		0,
		"5 h 12 min left, until 2026-11-22 04:10 UTC (login ends 2026-11-27); the login ends in 6 days: " +
			"in its last week make a new one on the PC: baton login, for this host; there is no gap",
	],
	[
		"its end is not known",
		{ ...WELL, serves: {} },
		0,
		"served, its end is not known (login ends 2026-12-20)",
	],
	[
		"a setup token",
		{
			...WELL,
			setupToken: true,
			generation: 0,
			serves: { until: NOW + 300 * DAY },
			deadline: NOW + 300 * DAY,
		},
		0,
		"300 days left, until 2027-09-17 22:58 UTC (a setup token, never refreshed)",
	],
	[
		"a setup token near its end",
		{
			...WELL,
			setupToken: true,
			generation: 0,
			serves: { until: NOW + HOUR },
			deadline: NOW + HOUR,
		},
		10,
		`1 h left, until 2026-11-21 23:58 UTC (a setup token, never refreshed); next: ${ANOTHER_SETUP_TOKEN}`,
	],
	[
		"no login yet",
		{
			name: "default",
			state: "none",
			need: "none-yet",
			noToken: "needs-login",
			failures: 0,
			sinks: [],
		},
		10,
		`no login yet; ${NEW_LOGIN}`,
	],
	[
		"lost",
		{ ...ENDED, state: "needs-login", need: "lost-in-flight", noToken: "needs-login" },
		10,
		`needs a new login: the answer to a refresh was lost; ${NEW_LOGIN}`,
	],
	[
		"the login has ended, its last token is served",
		{ ...WELL, deadline: NOW - HOUR },
		10,
		`5 h 12 min left, until 2026-11-22 04:10 UTC (login ended 2026-11-21); no refresh can follow; ${NEW_LOGIN}`,
	],
	[
		"rolled back",
		{ ...WELL, state: "rolled-back", need: "rolled-back" },
		10,
		`${LEFT}; serves what it has; needs a new login, as it was restored from a copy; ${NEW_LOGIN}`,
	],
	[
		"in doubt, with plenty left",
		{ ...WELL, state: "in-doubt" },
		0,
		`${LEFT}; a refresh got no answer; waiting to see what became of it`,
	],
	[
		"in doubt, with little left: nothing a person should do",
		{ ...WELL, ...SHORT, state: "in-doubt" },
		9,
		`${LITTLE}; a refresh got no answer; waiting to see what became of it; refresh due`,
	],
	[
		"suspect",
		{ ...WELL, state: "suspect", accessRefused: true },
		9,
		`${LEFT}; the access token was refused before its time; looking into it; refresh due`,
	],
	[
		"staged, waiting for its PC",
		{ ...ENDED, state: "staged", need: "none-yet", waitsForPc: true, noToken: "needs-login" },
		10,
		"a login has arrived and waits for the PC to deliver it once more; next: on the PC, keep baton watch running: it delivers the login again",
	],
	[
		"staged, the provider out of reach, its own token served",
		{ ...WELL, state: "staged", generation: 0, failures: 1, refusal: "out of reach" },
		0,
		`${LEFT}; a login has arrived and is being claimed; the provider is out of reach`,
	],
	[
		"verifying",
		{ ...ENDED, state: "verifying", noToken: "unanswered", unanswered: 3 },
		13,
		"the provider has yet to say whose the login is; next: batond status",
	],
	[
		"ended, the provider out of reach",
		{ ...ENDED, noToken: "out-of-reach", failures: 9, refusal: "out of reach" },
		13,
		"the access token has ended and the provider is out of reach; next: batond status",
	],
	[
		"ended, the provider refuses",
		{ ...ENDED, noToken: "refused", failures: 9, refusal: "server" },
		13,
		"the access token has ended and the provider refuses for now; next: batond status",
	],
	[
		"ended, a sink in the way",
		{ ...ENDED, noToken: "sinks" },
		1,
		"the access token has ended, and nothing is refreshed while a sink cannot be written; next: batond status",
	],
	[
		"nothing can be saved",
		{ ...WELL, trouble: "the disk is full" },
		1,
		`${LEFT}; nothing can be saved: the disk is full; next: batond status`,
	],
	["a sink lags", { ...WELL, ...sink("behind") }, 0, `${LEFT}; sink claude lags`],
	["a sink fails", { ...WELL, ...sink("failing") }, 0, `${LEFT}; sink claude cannot be written`],
	[
		"a sink is paused",
		{ ...WELL, ...sink("foreign") },
		0,
		`${LEFT}; sink claude is paused: somebody else's login lies there`,
	],
	[
		"a person logged out there",
		{ ...WELL, ...sink("logged-out") },
		0,
		`${LEFT}; sink claude is paused: a person logged out there`,
	],
	[
		"a file for it was there before",
		{ ...WELL, ...sink("not-ours") },
		0,
		`${LEFT}; sink claude is paused: what is there was not written by batond`,
	],
	[
		"another login is on its way in",
		{ ...WELL, staged: { lineageId: "b2", device: "pc", state: "staged" } },
		0,
		`${LEFT}; a new login is being claimed`,
	],
])("%s", (_what, status, code, line) => {
	expect(judged(status)).toMatchObject({ code, line: `default: ${line}` });
});

test.each<[what: string, status: NameStatus, fix: CheckView["fix"], code: number, begins: string]>([
	[
		"refreshed",
		{ ...WELL, generation: 4 },
		{ kind: "waiting", generation: 3 },
		0,
		`refreshed; ${LEFT}`,
	],
	[
		"failed",
		{ ...WELL, ...SHORT, failures: 1, refusal: "server" },
		{ kind: "waiting", generation: 3 },
		9,
		`a refresh was asked for and failed; ${LITTLE}; the provider refuses for now`,
	],
	[
		"not over",
		{ ...WELL, ...SHORT, state: "refreshing" },
		{ kind: "waiting", generation: 3 },
		9,
		`a refresh was asked for and is not over yet; ${LITTLE}`,
	],
	[
		"too soon",
		{ ...WELL, ...SHORT },
		{ kind: "declined", why: "too-soon", from: NOW + HOUR },
		9,
		`not refreshed: refreshed too short a while ago, from 2026-11-21 23:58 UTC on; ${LITTLE}`,
	],
])("with --fix: %s", (_what, status, fix, code, line) => {
	expect(judged(status, { fix })).toMatchObject({ code, line: `default: ${line}` });
});

test("the facts are those of the line", () => {
	expect(judged({ ...WELL, ...sink("foreign") })).toMatchObject({
		name: "default",
		state: "held",
		left: 5 * HOUR + 12 * MINUTE,
		until: UNTIL,
		deadline: WELL.deadline,
		sinks: [{ name: "claude", state: "foreign" }],
	});
});
