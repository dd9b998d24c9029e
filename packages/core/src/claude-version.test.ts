import { expect, test } from "vitest";
import { claudeVersion, isRecentClaude } from "./claude-version.ts";

test.each([
	["2.1.330 (Claude Code)\n", "2.1.330"],
	["2.2.0-beta.1 (Claude Code)", "2.2.0"],
	["2.1.330", undefined],
	["claude 2.1.330 (Claude Code)", undefined],
	["", undefined],
	["2.1 (Claude Code)", undefined],
])("%j says %s", (text, version) => {
	expect(claudeVersion(text)).toBe(version);
});

test.each([
	["2.1.330", true],
	["2.1.331", true],
	["2.1.1000", true],
	["2.2.0", true],
	["2.10.5", true],
	["2.1.329", false],
	["2.0.999", false],
	["1.9.999", false],
	["3.0.0", false],
])("%s is recent: %s", (version, isRecent) => {
	expect(isRecentClaude(version)).toBe(isRecent);
});
