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

test("one that needs a login says what to do", () => {
	expect(shown({ state: "needs-login", need: "lost-in-flight" })).toEqual([
		"default: needs a new login: the answer to a refresh was lost",
		"  next: on the PC: baton handover HOST, after a fresh login there",
	]);
});

test("what is wrong is told in lines of at most 80 columns", () => {
	const lines = shown({
		state: "in-doubt",
		failures: 12,
		staged: { lineageId: "0123456789abcdef", device: "laptop", state: "staged" },
		trouble: "the disk is full",
		sinks: [
			{ name: "claude", state: "foreign", generation: 1, trouble: undefined },
			{ name: "other", state: "failing", generation: 1, trouble: "the disk is full" },
		],
	});
	expect(lines).toContain("  stands still, as nothing can be saved: the disk is full");
	expect(lines).toContain("  sink claude: holds a login of somebody else; left alone");
	expect(lines.filter((line) => line.length > 80)).toEqual([]);
});
