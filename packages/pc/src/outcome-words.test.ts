import { expect, test } from "vitest";
import type { Outcome } from "./outcome.ts";
import { type AskedFor, outcomeWords } from "./outcome-words.ts";

const ASKED: AskedFor = { named: undefined, store: "dedicated", login: () => "HOW" };
const host = "vps";

test.each<[string, Outcome, Partial<AskedFor>, string | undefined]>([
	[
		"a decline names the store that was named",
		{ result: "declined", host, reason: "healthy" },
		{ named: "normal", store: "normal" },
		"to replace it all the same: baton handover vps --store normal --replace",
	],
	[
		"a decline",
		{ result: "declined", host, reason: "healthy" },
		{},
		"to replace it all the same: baton handover vps --replace",
	],
	[
		"another account is no matter of replacing",
		{ result: "declined", host, reason: "other-account" },
		{},
		"vps keeps to its account, so make a login of that one: HOW",
	],
	["one that is busy is asked again", { result: "declined", host, reason: "busy" }, {}, undefined],
	[
		"one that was put back, of another account",
		{ result: "put-back", host, reason: "other-account" },
		{},
		"vps keeps to its account, so make a login of that one: HOW",
	],
	["one that was taken back", { result: "put-back", host, reason: "withdrawn" }, {}, undefined],
	[
		"a spent login of another account",
		{ result: "spent", host, reason: "other-account" },
		{},
		"vps keeps to its account, so make a login of that one: HOW",
	],
	["a spent login", { result: "spent", host }, {}, "make a new login for vps: HOW"],
	[
		"an empty folder",
		{ result: "no-login", host, place: "/p" },
		{},
		"make a new login for vps: HOW",
	],
	[
		"an empty store",
		{ result: "no-login", host, place: "/p" },
		{ store: "normal" },
		"run /login in claude first",
	],
	["a permit that is closed", { result: "permit-closed", host }, {}, undefined],
])("%s", (_what, outcome, asked, next) => {
	expect(outcomeWords(outcome, { ...ASKED, ...asked }).next).toBe(next);
});

test("a closed permit is said to be closed", () => {
	const { line } = outcomeWords({ result: "permit-closed", host }, ASKED);
	expect(line).toBe("the permit for vps is closed");
});
