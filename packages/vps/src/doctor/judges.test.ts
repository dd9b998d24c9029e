/** Tables of the smaller judges. */
import { expect, test } from "vitest";
import { type ConsumerFacts, consumerIn, judgeConsumers } from "./consumers.ts";
import { type EngineFacts, judgeEngine } from "./engine.ts";
import type { Finding } from "./finding.ts";
import { judgeKey, type KeyFacts } from "./key.ts";
import { judgeLeftovers, type LeftoverFacts } from "./leftovers.ts";
import { judgeModes, type ModeFacts } from "./modes.ts";
import { judgeUnit, type UnitFacts } from "./unit.ts";

type Wanted = [gravity: Finding["gravity"], says: RegExp][];

function expectFindings(found: readonly Finding[], wanted: Wanted): void {
	expect(found.map(({ gravity, says }) => [gravity, says])).toEqual(
		wanted.map(([gravity, says]) => [gravity, expect.stringMatching(says)]),
	);
	for (const { gravity, hint } of found) if (gravity === "wrong") expect(hint).toBeDefined();
}

const NO_UNIT: UnitFacts = {
	systemd: true,
	enabled: "enabled",
	active: "active",
	linger: "yes",
	runs: true,
};

test.each<[Partial<UnitFacts>, Wanted]>([
	[{}, [["well", /enabled and active, and lingers/]]],
	[{ linger: undefined }, [["well", /whether it lingers cannot be told/]]],
	[{ linger: "no" }, [["wrong", /without lingering/]]],
	[{ enabled: "disabled" }, [["wrong", /starts at no boot: the unit is disabled/]]],
	[
		{ enabled: "masked", linger: "no" },
		[
			["wrong", /masked/],
			["wrong", /lingering/],
		],
	],
	[{ enabled: "not-found", active: "inactive" }, [["doubtful", /there is no unit/]]],
	[{ active: "failed", runs: false }, [["wrong", /the unit is failed/]]],
	[{ active: "inactive", runs: true }, [["doubtful", /runs, but not as its unit/]]],
	[{ enabled: undefined, active: undefined }, [["unseen", /cannot be asked/]]],
	[{ systemd: false, enabled: undefined }, [["doubtful", /systemd does not run this machine/]]],
])("unit %j", (facts, wanted) => expectFindings(judgeUnit({ ...NO_UNIT, ...facts }), wanted));

const UID = 1000;
const FOLDER: ModeFacts = {
	path: "/s",
	what: "state folder",
	kind: "folder",
	others: 0o077,
	optional: false,
	found: { kind: "folder", uid: UID, mode: 0o700 },
};

test.each<[Partial<ModeFacts>, Wanted]>([
	[{}, [["well", /this user's alone/]]],
	[{ found: { kind: "folder", uid: UID, mode: 0o755 } }, [["wrong", /open to others: mode 0755/]]],
	[{ found: { kind: "folder", uid: UID, mode: 0o710 } }, [["wrong", /open to others/]]],
	[{ others: 0o022, found: { kind: "folder", uid: UID, mode: 0o755 } }, [["well", /alone/]]],
	[{ found: { kind: "folder", uid: 0, mode: 0o700 } }, [["wrong", /belongs to user 0/]]],
	[{ found: { kind: "link", uid: UID, mode: 0o777 } }, [["wrong", /no folder but a link/]]],
	[{ found: { kind: "other", uid: UID, mode: 0o700 } }, [["wrong", /no folder but a thing/]]],
	[{ found: undefined }, [["doubtful", /is not there/]]],
	[{ found: undefined, optional: true }, [["well", /alone/]]],
	[{ found: "unseen" }, [["unseen", /cannot be looked at/]]],
])("modes %j", (facts, wanted) =>
	expectFindings(judgeModes([{ ...FOLDER, ...facts }], UID), wanted),
);

test.each<[LeftoverFacts[], string[], Wanted]>([
	[[], [], [["well", /none of ours in 9 usual places/]]],
	[
		[{ path: "/a", became: "claimed" }],
		[],
		[["wrong", /\/a holds a refresh token of a login that is kept/]],
	],
	[[{ path: "/a", became: "spent" }], [], [["wrong", /\/a/]]],
	[[{ path: "/a", became: "staged" }], [], [["wrong", /\/a/]]],
	[[{ path: "/a", became: "unknown" }], [], [["well", /none of ours/]]],
	[[{ path: "/a", became: "withdrawn" }], [], [["well", /none of ours/]]],
	[[{ path: "/a", became: undefined }], [], [["unseen", /only the service can say/]]],
	[
		[],
		["/root/x"],
		[
			["unseen", /could not be read/],
			["well", /none of ours/],
		],
	],
])("copies %j %j", (found, unreadable, wanted) => {
	expectFindings(judgeLeftovers(found, unreadable, 9), wanted);
});

const NONE: ConsumerFacts = { uid: UID, inContainer: false, engines: [], processes: [] };
const CLAUDE = { pid: 7, uid: UID, program: "claude", isElsewhere: false };

test.each<[Partial<ConsumerFacts>, Wanted]>([
	[{}, [["well", /none runs just now/]]],
	[{ processes: [CLAUDE] }, [["well", /1 of this user/]]],
	[{ processes: [{ ...CLAUDE, uid: 0 }] }, [["doubtful", /claude of user 0 \(process 7\)/]]],
	[{ processes: [{ ...CLAUDE, isElsewhere: true }] }, [["doubtful", /sees another file system/]]],
	[{ processes: [{ ...CLAUDE, isElsewhere: undefined }] }, [["well", /1 of this user/]]],
	[{ inContainer: true }, [["unseen", /runs in a container/]]],
	[{ engines: ["/run/docker.sock"] }, [["unseen", /containers may run here/]]],
])("consumers %j", (facts, wanted) =>
	expectFindings(judgeConsumers({ ...NONE, ...facts }), wanted),
);

test.each<[argv: string[], program: string | undefined]>([
	[["claude"], "claude"],
	[["/home/me/.local/bin/claude", "-p"], "claude"],
	[["node", "/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"], "claude"],
	[["/usr/bin/node", "/usr/bin/claude"], "claude"],
	[["node", "/x/openclaw/dist/index.js", "gateway"], "openclaw"],
	[["openclaw", "gateway"], "openclaw"],
	[["node", "/x/openclaw.mjs"], "openclaw"],
	[["node", "server.js"], undefined],
	[["vim", "claude"], undefined],
	[["grep", "openclaw"], undefined],
	[[""], undefined],
])("a consumer: %j is %s", (argv, program) => expect(consumerIn(argv)).toBe(program));

const AT = { path: "/usr/bin/claude", version: "2.1.330" };
const OLD = { path: "/b/claude", version: "2.1.1" };
const MISSING = { reason: "missing", why: "no claude was found" } as const;
const UNFIT = { reason: "unfit", why: "/b/claude is 2.1.1, not 2.1.330 or a later 2.x" } as const;
const CLI = { name: "claude-cli" } as const;
const HTTP = { name: "http" } as const;

test.each<[EngineFacts["choice"], EngineFacts["found"], Wanted, hint?: RegExp]>([
	[HTTP, [], [["well", /^http: the settings say so$/]]],
	[HTTP, [AT], [["well", /^http: the settings say so$/]]],
	[{ ...CLI, program: AT.path, version: AT.version }, [AT], [["well", /claude 2.1.330, \/usr/]]],
	[{ ...HTTP, reason: "provider", why: "its own only" }, [AT], [["well", /^http: its own only$/]]],
	[{ ...HTTP, reason: "proxy", why: "a password" }, [AT], [["well", /^http: a password$/]]],
	[{ ...HTTP, ...MISSING }, [], [["well", /^http: no claude was found$/]]],
	[
		{ ...HTTP, ...MISSING },
		[AT],
		[["doubtful", /^http: no claude was found, though there is claude 2.1.330 at \/usr\/bin/]],
		/"claude": "\/usr\/bin\/claude"/,
	],
	[
		{ ...HTTP, ...UNFIT },
		[OLD],
		[["doubtful", /^http: \/b\/claude is 2.1.1/]],
		/claude update; or .*"http"/,
	],
	[
		{ ...HTTP, ...UNFIT },
		[OLD, AT],
		[
			["doubtful", /though there is claude 2.1.330/],
			["doubtful", /2 programs claude: 2.1.1 at \/b\/claude, 2.1.330 at/],
		],
		/name it in batond.json/,
	],
	[
		{ ...CLI, ...MISSING },
		[],
		[["wrong", /^claude-cli cannot refresh: no claude/]],
		/install .*"auto"/,
	],
	[{ ...CLI, ...MISSING }, [AT], [["wrong", /cannot refresh: .* there is claude/]], /name it/],
	[{ ...CLI, ...UNFIT }, [OLD], [["wrong", /cannot refresh: .*2.1.1/]], /claude update/],
	[
		{ ...CLI, reason: "proxy", why: "a password" },
		[AT],
		[["wrong", /cannot refresh: a password$/]],
		/^set engine to "auto"/,
	],
	[
		HTTP,
		[AT, { ...AT, path: "/b", version: undefined }],
		[
			["well", /settings/],
			["doubtful", /\? at \/b/],
		],
	],
])("engine %j %j", (choice, found, wanted, hint) => {
	const findings = judgeEngine({ choice, found });
	expectFindings(findings, wanted);
	if (hint !== undefined) expect(findings[0]?.hint).toMatch(hint);
});

const KEY: KeyFacts = {
	origin: "file",
	file: "/c/batond.key",
	isThere: true,
	trouble: undefined,
	isSealed: false,
	isWithState: false,
	isNeeded: true,
};
const GONE = { isThere: false } as const;
const ODD = { says: "/c/batond.key is not a key of 32 bytes", hint: undefined };

test.each<[Partial<KeyFacts>, Wanted, hint?: RegExp]>([
	[{}, [["well", /a file, \/c\/batond.key, apart from the state/]]],
	[{ origin: undefined }, [["well", /apart from the state/]]],
	[{ isWithState: true }, [["doubtful", /lies with the state/]], /move batond.json and batond.key/],
	[{ origin: "credential", ...GONE }, [["well", /is a systemd credential$/]]],
	[{ origin: "credential-and-file" }, [["doubtful", /and lies in .*as well/]], /remove that file/],
	[{ origin: "credential-and-file", ...GONE }, [["well", /is a systemd credential$/]]],
	[{ isSealed: true }, [["doubtful", /the service takes .*sealed/]], /batond unit --start/],
	[{ isSealed: true, origin: undefined }, [["well", /apart/]]],
	[{ isSealed: true, origin: undefined, ...GONE }, [["unseen", /only the service can open/]]],
	[{ isSealed: true, ...GONE }, [["wrong", /missing/]], /backup/],
	[GONE, [["wrong", /missing, and nothing else opens/]], /backup/],
	[{ ...GONE, origin: undefined }, [["wrong", /missing/]]],
	[{ ...GONE, origin: undefined, isNeeded: false }, [["well", /none yet/]]],
	[{ trouble: ODD }, [["wrong", /is not a key/]], /look at/],
])("key %j", (facts, wanted, hint) => {
	const finding = judgeKey({ ...KEY, ...facts });
	expectFindings([finding], wanted);
	if (hint !== undefined) expect(finding.hint).toMatch(hint);
});
