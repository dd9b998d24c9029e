import { DAY, HOUR, MINUTE } from "@baton/core/duration";
import { expect, test } from "vitest";
import type { NameStatus } from "./control-message.ts";
import { describe as describeStatus } from "./status.ts";

const NOW = Date.UTC(2026, 10, 21, 12);

function shown(name: Partial<NameStatus>): string[] {
	const status = { name: "default", state: "none", failures: 0, sinks: [], ...name };
	const text = describeStatus({
		v: 1,
		type: "status",
		version: "1.2.3",
		now: NOW,
		tokenUrl: "https://auth.example/v1/token",
		names: [status],
	});
	return text.trimEnd().split("\n").slice(2);
}

test("a healthy name", () => {
	const lines = shown({
		state: "held",
		lineageId: "0123456789abcdef",
		generation: 4,
		device: "laptop",
		rotatedAt: NOW - 25 * MINUTE,
		accessUntil: NOW + 7 * HOUR,
		deadline: NOW + 12 * DAY,
		sinks: [{ name: "claude", state: "current", generation: 4, trouble: undefined }],
	});
	expect(lines).toEqual([
		"default: well; this host holds the login and keeps it fresh",
		"  login 0123456789abcdef, generation 4, from laptop",
		"  access token 25 min old",
		"  access token ends in 7 h, 2026-11-21 19:00 UTC",
		"  login ends in 12 days, 2026-12-03 12:00 UTC",
		"  sink claude: has the newest access token",
	]);
});

test("one that waits for the PC's word says how long", () => {
	const waiting = { state: "held", accessUntil: NOW - HOUR, pcAwaitedUntil: NOW + 20 * MINUTE };
	expect(shown(waiting)).toEqual([
		"default: its access token ended while nothing ran here; asks the PC first whether this is a restored copy",
		"  next: run baton watch on the PC; without it, this goes on at 12:20 UTC",
	]);
});

test("one whose login nears its end says how to make the next", () => {
	const shownLines = shown({
		state: "held",
		lineageId: "0123456789abcdef",
		generation: 4,
		device: "laptop",
		deadline: NOW + 6 * DAY,
		warnedDays: 7,
	});
	expect(shownLines).toEqual([
		"default: well; this host holds the login and keeps it fresh",
		"  login 0123456789abcdef, generation 4, from laptop",
		"  login ends in 6 days, 2026-11-27 12:00 UTC",
		"    next: in its last week make a new one on the PC: baton login, for this host; there is no gap",
	]);
});

test("one that is lost says what most likely happened, and what speaks for it", () => {
	const evidence = {
		since: NOW - HOUR,
		generation: 4,
		rotatedAt: NOW - 3 * HOUR,
		device: "laptop",
		claimedAt: NOW - 9 * DAY,
	};
	expect(shown({ state: "needs-login", need: "revoked-or-reused", evidence })).toEqual([
		"default: needs a new login: revoked, or used somewhere else",
		"  most likely: laptop used its copy, which it never confirmed erasing, or the session was ended on the account's page or by a logout",
		"  it came from laptop 9 days ago; not confirmed as erased there; generation 4, last refreshed 3 h ago",
		"  next: on the PC, baton status says how to make a new login for this host",
	]);
});

test.each([
	[undefined, "  login fedcba9876543210 could not be claimed, 3 h ago: it is spent"],
	[
		"other-account",
		"  login fedcba9876543210 could not be claimed, as it is of another account, 3 h ago: it is spent",
	],
])("a claim that came to nothing is told (%s)", (reason, line) => {
	const claimRefused = { lineageId: "fedcba9876543210", at: NOW - 3 * HOUR };
	const told = reason === undefined ? claimRefused : { ...claimRefused, reason };
	expect(shown({ state: "none", need: "none-yet", claimRefused: told })).toContain(line);
});

test("by what warnings go out, and how that fares", () => {
	const warnings = [
		{ name: "chat", waiting: 0, missed: 0 },
		{ name: "mail", waiting: 3, missed: 2, trouble: "mail-me ended with 3" },
	];
	const tokenUrl = "https://auth.example/v1/token";
	const facts = { v: 1, type: "status", version: "1", now: NOW, tokenUrl, names: [] } as const;
	expect(describeStatus({ ...facts, warnings })).toBe(
		[
			"batond 1, refreshes at auth.example",
			"",
			"warnings:",
			"  by chat",
			"  by mail: could not be sent (mail-me ended with 3); 3 waiting, 2 given up; trying again",
			"",
		].join("\n"),
	);
});

test("one that needs a login says what to do", () => {
	expect(shown({ state: "needs-login", need: "lost-in-flight" })).toEqual([
		"default: needs a new login: the answer to a refresh was lost",
		"  next: on the PC, baton status says how to make a new login for this host",
	]);
});

test.each<[string, Partial<NameStatus>, string[]]>([
	[
		"a refresh that waits for the only sink",
		{
			state: "held",
			waitsForSinks: "one",
			sinks: [
				{
					name: "claude",
					state: "failing",
					generation: 4,
					trouble: "cannot write /x: the file system is read-only",
					hint: "mount it writable and try again",
				},
			],
		},
		[
			"default: holds the login; refreshed once a sink can be written",
			"  sink claude: cannot be written; trying again (cannot write /x: the file system is read-only)",
			"    next: mount it writable and try again",
			"  next: mend the sinks above that cannot be written; it goes on by itself",
		],
	],
	[
		"the same, too late",
		{ state: "held", waitsForSinks: "one", accessUntil: NOW - MINUTE },
		[
			"default: its access token has ended; refreshed once a sink can be written",
			"  next: mend the sinks above that cannot be written; it goes on by itself",
		],
	],
	[
		"a claim that waits for some of the sinks",
		{ state: "staged", waitsForSinks: "all" },
		[
			"default: a login has arrived; it is claimed once all sinks can be written",
			"  next: mend the sinks above that cannot be written; it goes on by itself",
		],
	],
	[
		"a claimed login nobody has named yet",
		{ state: "verifying" },
		[
			"default: has claimed a login, served once the provider has named its account",
			"  next: none, but if it stays so, see that this host can reach the provider",
		],
	],
	[
		"the same, with a provider that does not say",
		{ state: "verifying", unanswered: 3 },
		[
			"default: has claimed a login, served once the provider has named its account",
			"  the provider has not said whose the login is (asked 3 times)",
			"  next: none, but if it stays so, see that this host can reach the provider",
		],
	],
	[
		"a login that was found staged at the start",
		{ state: "staged", need: "none-yet", waitsForPc: true },
		[
			"default: a login has arrived and waits for the PC to deliver it once more",
			"  next: on the PC, keep baton watch running: it delivers the login again",
		],
	],
	[
		"a provider that is out of reach",
		{ state: "held", failures: 3, refusal: "out of reach" },
		[
			"default: well; this host holds the login and keeps it fresh",
			"  the provider is out of reach (failure 3 in a row); trying again",
		],
	],
	[
		"a setup token that the provider refuses",
		{ state: "needs-login", need: "revoked-or-reused", setupToken: true },
		[
			"default: needs another setup token: the provider refuses this one",
			"  next: give batond import --setup-token what claude setup-token prints; or make a login on the PC",
		],
	],
	[
		"a setup token that has reached its end",
		{ state: "needs-login", need: "deadline", setupToken: true },
		[
			"default: needs another setup token: this one has reached its end",
			"  next: give batond import --setup-token what claude setup-token prints; or make a login on the PC",
		],
	],
	[
		"a setup token in use, and a new login in its place under way",
		{ state: "held", setupToken: true, unanswered: 2 },
		[
			"default: well; this host serves a setup token, which is never refreshed",
			"  the provider has not said whose the login is (asked 2 times)",
		],
	],
	[
		"a proxy that does not let us through",
		{ state: "held", failures: 3, refusal: "proxy" },
		[
			"default: well; this host holds the login and keeps it fresh",
			"  the provider is out of reach: the proxy does not let us through (failure 3 in a row); trying again",
			"    next: look at provider in batond.json",
		],
	],
	[
		"a provider that refuses",
		{ state: "held", failures: 12, refusal: "rate-limited" },
		[
			"default: well; this host holds the login and keeps it fresh",
			"  the provider asks to wait, with 429 (failure 12 in a row); trying again",
		],
	],
	[
		"a provider that refuses a claim",
		{ state: "staged", generation: 0, failures: 2, refusal: "forbidden" },
		[
			"default: a login has arrived and is being claimed",
			"  the provider refuses with 403 (failure 2 in a row); trying again",
			"  next: none, but if it stays so, the PC can have it back: baton take-back",
		],
	],
	[
		"a claim under way",
		{ state: "refreshing", generation: 0 },
		["default: a login has arrived and is being claimed"],
	],
	[
		"a claim that got no answer",
		{ state: "in-doubt", generation: 0 },
		["default: a login has arrived, and its claim got no answer; waiting to see what became of it"],
	],
	[
		"an access token that ended while the provider was away",
		{ state: "held", failures: 4, refusal: "out of reach", accessUntil: NOW - MINUTE },
		[
			"default: holds the login, but its access token has ended; trying to get a new one",
			"  the provider is out of reach (failure 4 in a row); trying again",
			"  next: none, but if it stays so, see that this host can reach the provider",
		],
	],
	[
		"a provider that takes the request for wrong",
		{ state: "held", failures: 2, refusal: "request" },
		[
			"default: well; this host holds the login and keeps it fresh",
			"  the provider refuses with 4xx (failure 2 in a row); trying again",
			"    next: look at provider in batond.json",
		],
	],
	[
		"a new login on its way in",
		{
			state: "held",
			staged: { lineageId: "0123456789abcdef", device: "laptop", state: "verifying" },
		},
		[
			"default: well; this host holds the login and keeps it fresh",
			"  a new login from laptop is claimed, its account yet to be named",
		],
	],
])("%s is told in plain words", (_what, status, lines) => {
	expect(shown(status)).toEqual(lines);
});

test.each<[string, Partial<NameStatus>, string]>([
	["serves what it has", { accessUntil: NOW + HOUR }, "serves what it has; "],
	["has nothing left to serve", { accessUntil: NOW - 1 }, "its access token has ended; "],
	[
		"holds a dead token",
		{ accessUntil: NOW + HOUR, accessRefused: true },
		"the provider refuses its access token; ",
	],
])("one restored from a copy that %s says just that", (_what, more, words) => {
	const [state] = shown({ state: "rolled-back", need: "rolled-back", ...more });
	expect(state).toBe(`default: ${words}needs a new login, as it was restored from a copy`);
});

test("one that cannot save its state says what to do, and nothing else to do", () => {
	const stuck = {
		state: "refreshing",
		need: "none-yet",
		trouble: "cannot write /x: the disk is full",
		troubleHint: "free some space and try again",
		unsaved: true,
	} as const;
	const lines = [
		"default: stands still, as nothing can be saved",
		"  cannot write /x: the disk is full",
		"  the newest token is in memory only: do not stop batond before it is saved",
		"  next: free some space and try again; it goes on by itself",
	];
	expect(shown(stuck)).toEqual(lines);
	expect(lines.filter((line) => line.length > 80)).toEqual([]);
});

test("what is wrong is told in lines of at most 80 columns", () => {
	const lines = shown({
		state: "in-doubt",
		failures: 12,
		refusal: "out of reach",
		staged: { lineageId: "0123456789abcdef", device: "laptop", state: "staged" },
		sinks: [
			{ name: "claude", state: "foreign", generation: 1, trouble: undefined },
			{ name: "other", state: "failing", generation: 1, trouble: "the disk is full" },
			{ name: "third", state: "logged-out", generation: 1, trouble: undefined },
			{ name: "fourth", state: "not-ours", generation: undefined, trouble: undefined },
		],
	});
	expect(lines.filter((line) => /sink|^ {4}next/.test(line))).toEqual([
		"  sink claude: somebody logged in there by hand; that login is left alone",
		"    next: batond adopt claude takes it over; or leave it, or log out there",
		"  sink other: cannot be written; trying again (the disk is full)",
		"  sink third: somebody logged out there by hand; left alone",
		"    next: to have it served again, put {} into its .credentials.json",
		"  sink fourth: what is there was not written by batond; left alone",
		'    next: move that away, or set "overwrite": true for this sink',
	]);
	expect(lines).toContain("  the provider is out of reach (failure 12 in a row); trying again");
	expect(lines.filter((line) => line.length > 80)).toEqual([]);
});
