import { Secret } from "@baton/core/secret";
import { expect, test } from "vitest";
import type { Presentation } from "../parts/token-ledger.ts";
import { judgeKill, type KillFacts } from "./judge-kill.ts";

const ROTATED = {
	at: 1,
	fp: "first",
	userAgent: "baton",
	spentBefore: false,
	outcome: "rotated",
	replacedBy: "second",
	answered: true,
} as const;
const AGAIN: Presentation = { ...ROTATED, spentBefore: true, outcome: "refused" };

function recordWith(phase: object): KillFacts["record"] {
	const session = { accessToken: new Secret("access"), refreshToken: new Secret("refresh") };
	return { current: { generation: 2, phase, session }, past: {} } as never;
}

const KEPT: KillFacts = {
	presentations: [ROTATED],
	madeAt: 0,
	tokenMs: 100,
	left: ["second"],
	hearsAlone: true,
	record: recordWith({ name: "held" }),
	status: {},
	isLive: true,
	published: "access",
	leftovers: [],
};
const LOST = { ...KEPT, isLive: false, status: { need: "lost-in-flight" } };

test("held, living, refreshed and published: kept", () => {
	expect(judgeKill(KEPT)).toEqual({ fate: "kept", spentTwice: 0, unnamed: false, leftovers: [] });
});

test.each<[string, Partial<KillFacts>]>([
	["dead at the provider", { isLive: false }],
	["not published", { published: "another" }],
	["not held", { record: recordWith({ name: "in-doubt" }) }],
	["nowhere", { record: undefined }],
])("%s, though its newest token lay on the disk: lost, and not named", (_what, facts) => {
	expect(judgeKill({ ...KEPT, ...facts })).toMatchObject({ fate: "lost", unnamed: true });
});

test("lost with an answer that nobody saved: in flight, and named", () => {
	const verdict = judgeKill({ ...LOST, left: ["first"] });
	expect(verdict).toMatchObject({ fate: "lost-in-flight", unnamed: false, spentTwice: 0 });
});

test.each([
	[false, { need: "none-yet", claimRefused: { lineageId: "a1", at: 1 } }],
	[true, { need: "none-yet" }],
	[true, { need: "deadline" }],
	[true, {}],
])("not named: %s, where it says %o", (unnamed, status) => {
	expect(judgeKill({ ...LOST, left: [], status })).toMatchObject({ unnamed });
});

test("claude outlives the service, so that nothing of its is lost in flight", () => {
	expect(judgeKill({ ...LOST, left: [], hearsAlone: false })).toMatchObject({ fate: "lost" });
});

test("one late try with a login that was lost in flight is no second spending", () => {
	const tries = (...times: number[]) => [ROTATED, ...times.map((at) => ({ ...AGAIN, at }))];
	const spent = (facts: KillFacts) => judgeKill(facts).spentTwice;
	const lost = { ...LOST, left: [] };
	expect(spent({ ...lost, presentations: tries(80) })).toBe(0);
	expect(spent({ ...lost, presentations: tries(70) })).toBe(1);
	expect(spent({ ...lost, presentations: tries(80, 90) })).toBe(1);
	expect(spent({ ...KEPT, presentations: tries(80) })).toBe(1);
});
