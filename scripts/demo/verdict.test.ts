import { describe, expect, test } from "vitest";
import { type DemoFacts, judge, summary } from "./verdict.ts";

const WELL: DemoFacts = {
	handoverMs: 700,
	rotations: 3,
	spentTwice: 0,
	consumerRequests: 11,
	consumerRefused: 0,
	consumerRetried: 0,
	declined: ["healthy"],
	leaks: 0,
	seconds: 28,
};

test("all is well when it is", () => {
	expect(judge(WELL)).toEqual([]);
	expect(summary(WELL, [], { strict: false, sshd: false }).at(-1)).toMatch(/^all well, in 28 s/);
});

describe("a complaint", () => {
	test.each<Partial<DemoFacts>>([
		{ rotations: 2 },
		{ spentTwice: 1 },
		{ consumerRequests: 10 },
		{ consumerRefused: 1 },
		{ declined: [] },
		{ leaks: 1 },
	])("comes of %j alone", (fault) => {
		const complaints = judge({ ...WELL, ...fault });
		expect(complaints).toHaveLength(1);
		const last = summary({ ...WELL, ...fault }, complaints, { strict: true, sshd: false }).at(-1);
		expect(last).toBe(`not as it should be: ${complaints[0]}`);
	});
});
