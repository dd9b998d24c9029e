/** Tables of the smaller judges. */
import { expect, test } from "vitest";
import { type ClaudeFacts, judgeClaude } from "./claude-found.ts";
import { type ConsumerFacts, consumerIn, judgeConsumers } from "./consumers.ts";
import type { Finding } from "./finding.ts";
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

test.each<[ClaudeFacts, Wanted]>([
	[{ engine: "http", found: [] }, [["well", /http; there is no claude/]]],
	[{ engine: "claude-cli", found: [] }, [["wrong", /there is no claude/]]],
	[{ engine: "http", found: [AT] }, [["well", /claude 2.1.330 at \/usr\/bin\/claude/]]],
	[{ engine: "http", found: [{ ...AT, version: undefined }] }, [["well", /unknown version/]]],
	[
		{ engine: "http", found: [AT, { ...AT, path: "/b" }] },
		[
			["well", /2.1.330/],
			["doubtful", /at \/b/],
		],
	],
])("engine %j", (facts, wanted) => expectFindings(judgeClaude(facts), wanted));
