import { expect, test } from "vitest";
import {
	judgeTraps,
	type Trap,
	trapsInEnvironment,
	trapsInLines,
	trapsInSettings,
} from "./traps.ts";

test.each<[text: string, wanted: (string | [number, string])[]]>([
	["export ANTHROPIC_API_KEY=CANARY", ["ANTHROPIC_API_KEY"]],
	["ANTHROPIC_API_KEY='CANARY'", ["ANTHROPIC_API_KEY"]],
	['  export ANTHROPIC_AUTH_TOKEN="$(cat x)"', ["ANTHROPIC_AUTH_TOKEN"]],
	["set -gx CLAUDE_CODE_OAUTH_TOKEN CANARY", ["CLAUDE_CODE_OAUTH_TOKEN"]],
	["set -x ANTHROPIC_API_KEY CANARY", ["ANTHROPIC_API_KEY"]],
	["Environment=ANTHROPIC_API_KEY=CANARY", ["ANTHROPIC_API_KEY"]],
	['Environment="A=1" "CLAUDE_CODE_OAUTH_TOKEN=CANARY"', ["CLAUDE_CODE_OAUTH_TOKEN"]],
	["A=1\nB=2\nexport CLAUDE_CODE_USE_BEDROCK=1", [[3, "CLAUDE_CODE_USE_BEDROCK"]]],
	["A=1 ANTHROPIC_API_KEY=CANARY claude -p hi", ["ANTHROPIC_API_KEY"]],
	["# export ANTHROPIC_API_KEY=CANARY", []],
	["  ; ANTHROPIC_API_KEY=CANARY", []],
	["ANTHROPIC_API_KEY=", []],
	["export ANTHROPIC_API_KEY=''", []],
	["unset ANTHROPIC_API_KEY", []],
	["export MY_ANTHROPIC_API_KEY=CANARY", []],
	["export ANTHROPIC_API_KEY_FILE=/x", []],
	["echo hello", []],
])("in lines: %j", (text, wanted) => {
	const found = trapsInLines("/f", text);
	expect(found.map(({ line, what }) => [line, what])).toEqual(
		wanted.map((one) => (typeof one === "string" ? [1, one] : one)),
	);
	expect(JSON.stringify(found)).not.toContain("CANARY");
});

test.each<[text: string, wanted: [string, boolean][]]>([
	['{"apiKeyHelper":"/bin/get-key"}', [["apiKeyHelper", false]]],
	['{"apiKeyHelper":"batond token --min-valid 10m"}', [["apiKeyHelper", true]]],
	['{"apiKeyHelper":"/home/me/.local/bin/batond token"}', [["apiKeyHelper", true]]],
	['{"apiKeyHelper":""}', []],
	['{"env":{"ANTHROPIC_AUTH_TOKEN":"CANARY","A":"b"}}', [["ANTHROPIC_AUTH_TOKEN", false]]],
	['{"env":{"ANTHROPIC_API_KEY":""}}', []],
	['{"env":"odd"}', []],
	["[]", []],
	["null", []],
	["{half", []],
])("in claude's settings: %j", (text, wanted) => {
	const found = trapsInSettings("/f", text);
	expect(found.map(({ what, isOurs }) => [what, isOurs])).toEqual(wanted);
	expect(JSON.stringify(found)).not.toContain("CANARY");
});

test("in an environment", () => {
	const entries = ["PATH=/bin", "ANTHROPIC_API_KEY=CANARY", "CLAUDE_CODE_OAUTH_TOKEN=", "odd"];
	const found = trapsInEnvironment("process 7", entries);
	expect(found).toEqual([
		{ where: "process 7", line: undefined, what: "ANTHROPIC_API_KEY", isOurs: false },
	]);
});

const TRAP: Trap = { where: "~/.bashrc", line: 3, what: "ANTHROPIC_API_KEY", isOurs: false };

test.each<[traps: Trap[], isServed: boolean, wanted: [string, RegExp][]]>([
	[[TRAP], true, [["doubtful", /^ANTHROPIC_API_KEY in ~\/.bashrc, line 3, outranks/]]],
	[
		[{ ...TRAP, line: undefined }],
		true,
		[["doubtful", /^ANTHROPIC_API_KEY in ~\/.bashrc, outranks/]],
	],
	[[{ ...TRAP, isOurs: true }], true, [["well", /nothing was found/]]],
	[
		[TRAP, { ...TRAP, line: 4 }],
		true,
		[
			["doubtful", /line 3/],
			["doubtful", /line 4/],
		],
	],
	[[TRAP], false, [["well", /no sink writes a file/]]],
])("judged %#", (traps, isServed, wanted) => {
	const found = judgeTraps(traps, isServed);
	expect(found).toHaveLength(wanted.length);
	for (const [index, [gravity, says]] of wanted.entries()) {
		expect(found[index]).toMatchObject({ gravity, says: expect.stringMatching(says) });
	}
});
