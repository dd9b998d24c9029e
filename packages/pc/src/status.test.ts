import { HOUR, MINUTE } from "@baton/core/duration";
import { newHandover } from "@baton/core/handover-draft";
import {
	EMPTY_PC_RECORD,
	type HandoverStep,
	type HostMemory,
	NEW_HOST,
	type PcRecord,
	type PcRules,
} from "@baton/core/handover-state";
import { lineageIdOf } from "@baton/core/lineage";
import type { StatusAnswer } from "@baton/core/protocol";
import { describe, expect, test } from "vitest";
import { statusFacts } from "./status-facts.ts";
import { statusText } from "./status-text.ts";

const NOW = 1_800_000_000_000;
const FP = "abcdef0123456789".repeat(4);
const RULES: PcRules = {
	hosts: { myvps: { name: "default", mode: "follow-login", followLogin: "when-needed" } },
	timing: { statusEvery: MINUTE },
};

function told(status: Partial<StatusAnswer>): HostMemory {
	return {
		...NEW_HOST,
		contactAt: NOW - 3 * MINUTE,
		status: { v: 1, id: "x", type: "status", state: "held", sinks: [], disarm: [], ...status },
	};
}

function recordWith(memory: HostMemory, ...steps: HandoverStep[]): PcRecord {
	const facts = {
		fp: FP,
		accessFp: FP,
		host: "myvps",
		store: "normal",
		account: undefined,
		expiresAt: undefined,
		deadline: undefined,
	};
	const handovers = steps.map((step) => newHandover(facts, step, false, NOW - MINUTE));
	return { ...EMPTY_PC_RECORD, handovers, hosts: { myvps: memory } };
}

function text(record: PcRecord, live?: Parameters<typeof statusFacts>[2]): string {
	return statusText(statusFacts(record, RULES, live, undefined), NOW).join("\n");
}

test("a host that holds its login", () => {
	const held = told({
		generation: 3,
		accessUntil: NOW + 2 * HOUR,
		deadline: NOW + 27.5 * 24 * HOUR,
	});
	expect(text(recordWith(held), { pid: 12, links: {}, stores: {} })).toBe(
		[
			"watcher  running, process 12",
			"myvps    holds its login, generation 3",
			"         access token lasts 2 h, login ends in 27 days",
			"         last heard from 3 min ago",
		].join("\n"),
	);
});

test("a host that cannot reach the provider says so on the PC", () => {
	const away = told({ accessUntil: NOW - MINUTE, provider: "out of reach" });
	expect(text(recordWith(away))).toContain(
		"the provider is out of reach from there; it is tried again",
	);
});

test("a login that is not claimed yet, with why and how it comes back", () => {
	const record = recordWith(NEW_HOST, "taken");
	const handovers = record.handovers.map((one) => ({ ...one, provider: "forbidden" }));
	const shown = text({ ...record, handovers }).replaceAll(/\s+/g, " ");
	expect(shown).toContain(
		"in transit: not claimed yet, as the provider refuses it (403); it is tried again",
	);
	expect(shown).toContain("to undo it: baton take-back myvps");
});

test("a login in transit, a permit, and a host that cannot be reached", () => {
	const record = {
		...recordWith(told({ state: "none" }), "taken"),
		permit: { host: "myvps", by: "person", since: NOW, replace: false },
	} as const;
	const live = {
		pid: 12,
		links: {
			myvps: {
				why: "cannot reach 127.0.0.1:22: nothing listens there",
				next: "look whether the host is up",
			},
		},
		stores: {},
	};
	expect(text(record, live)).toBe(
		[
			"watcher  running, process 12",
			"permit   the next /login on this PC goes to myvps (open for 0 s)",
			"         to close it: baton take-back myvps",
			"myvps    its login is in transit: nobody may spend it now",
			"         last heard from 3 min ago; now: cannot reach 127.0.0.1:22: nothing",
			"         listens there",
			"         look whether the host is up",
			"         login abcdef012345 from claude's own place: in transit: nobody may",
			"         spend it until myvps has claimed it",
			"         so for 1 min",
			"         only if myvps is gone for good: baton take-back myvps --force",
		].join("\n"),
	);
});

describe("whoever holds the login", () => {
	test.each<[string, Partial<StatusAnswer> | undefined, HandoverStep[], string]>([
		["is not known before the host was heard from", undefined, [], "unknown"],
		["is the host, also while it doubts", { state: "in-doubt" }, [], "host"],
		["is nobody when the host needs one", { state: "needs-login" }, [], "nobody"],
		[
			"is nobody in transit, whatever the host said before",
			{ state: "held" },
			["taken"],
			"in-transit",
		],
		["is the host as long as nothing was taken", { state: "held" }, ["pending"], "host"],
		[
			"is the host once it has claimed what was in transit",
			{ state: "verifying", lineageId: FP.slice(0, 16) },
			["taken"],
			"host",
		],
	])("%s", (_what, status, steps, holder) => {
		const memory = status === undefined ? NEW_HOST : told(status);
		const { hosts } = statusFacts(recordWith(memory, ...steps), RULES, undefined, undefined);
		expect(hosts[0]?.holder).toBe(holder);
	});
});

test("a host that has a login while a new one is in transit: both are told", () => {
	const held = told({ generation: 3, lineageId: "0".repeat(16), accessUntil: NOW + 2 * HOUR });
	const live = { pid: 12, links: {}, stores: {} };
	expect(text(recordWith(held, "taken"), live).split("\n").slice(1, 4)).toEqual([
		"myvps    holds its login, generation 3; a new one is in transit: nobody may",
		"         spend that now",
		"         access token lasts 2 h",
	]);
	const same = told({ generation: 1, lineageId: lineageIdOf(FP) });
	expect(text(recordWith(same, "taken"))).toContain("its login is in transit: nobody");
});

test("a claimed login whose account is not named yet", () => {
	expect(
		text(recordWith(told({ state: "verifying" })))
			.split("\n")
			.slice(1),
	).toEqual([
		"myvps    has claimed its login, and serves it once the provider has named its",
		"         account",
		"         last heard from 3 min ago",
		"         nothing to do, but if it stays so, ask there: batond status",
	]);
});

describe("a new login", () => {
	const dedicated: PcRules = {
		...RULES,
		hosts: { myvps: { name: "default", mode: "dedicated", followLogin: "when-needed" } },
	};
	const needy = { ...told({ state: "needs-login" }), need: "deadline" } as const;

	test("for a host with a folder of its own is one command", () => {
		const facts = statusFacts(recordWith(needy), dedicated, undefined, undefined);
		expect(statusText(facts, NOW).at(-1)).toBe(
			"         make a new login for myvps: baton login myvps",
		);
	});

	test("for one that follows the PC's logins needs a permit, unless it is open", () => {
		expect(text(recordWith(needy))).toContain("baton handover myvps --next-login, then /login");
		const permit = { host: "myvps", by: "host", since: NOW, replace: false } as const;
		const open = text({ ...recordWith(needy), permit });
		expect(open).toContain("make a new login for myvps: run /login in claude on this PC");
	});

	test("is what a sealed one calls for", () => {
		const shown = text(recordWith(told({ state: "none" }), "sealed"));
		expect(shown).toContain("make a new login for myvps:");
	});

	function leftFor(reason?: "other-account"): PcRecord {
		const view = { fp: FP, lastFp: undefined, account: undefined, deadline: undefined };
		const why = reason === undefined ? {} : { reason };
		return {
			...recordWith(told({})),
			stores: { "login:myvps": view },
			known: { [FP]: { host: "myvps", was: "own", at: NOW - MINUTE, ...why } },
		};
	}

	test("of another account is not advised to replace what the host has", () => {
		const facts = statusFacts(leftFor("other-account"), dedicated, undefined, undefined);
		const { words, next } = facts.hosts[0]?.left ?? {};
		expect(words).toContain("since it is of another account than myvps serves");
		expect(next).toContain("myvps keeps to its account, so make a login of that one:");
	});

	test("that was declined stays in its folder, and is shown", () => {
		const record = leftFor();
		const facts = statusFacts(record, dedicated, undefined, undefined);
		expect(facts.hosts[0]?.left).toMatchObject({ fp: FP.slice(0, 12) });
		expect(statusText(facts, NOW).slice(-3)).toEqual([
			"         login abcdef012345: in its folder here, declined or taken back",
			"         so for 1 min",
			"         to hand it over all the same: baton handover myvps --replace",
		]);
	});
});

test("an access token that has ended, by the host's last word", () => {
	expect(text(recordWith(told({ accessUntil: NOW - 2 * MINUTE })))).toContain(
		"access token ended 2 min ago, by its last word",
	);
});

describe("a host that left the settings is told of while something is under way", () => {
	const live = { pid: 12, links: {}, stores: {} };
	const told = (step: HandoverStep) => {
		const facts = statusFacts(recordWith(NEW_HOST, step), { ...RULES, hosts: {} }, live, undefined);
		expect(facts.hosts).toMatchObject([{ host: "myvps", login: "not-in-settings" }]);
		return statusText(facts, NOW).join(" ").replace(/\s+/g, " ");
	};

	test("in transit it comes back when the host is named again, or by force", () => {
		const shown = told("taken");
		expect(shown).toContain("its login is in transit: nobody may spend it now");
		expect(shown).toContain("no longer in the settings, so it is not asked");
		expect(shown).toContain(
			"name myvps in the settings again; or, if it is gone for good: baton take-back myvps --force",
		);
	});

	test.each<HandoverStep>(["pending", "taking"])("%s it may as well stay here", (step) => {
		expect(told(step)).toContain(
			"name myvps in the settings again, or keep the login here: baton take-back myvps",
		);
		expect(told(step)).not.toContain("--force");
	});

	test("and what needs no word of the host has its usual next step", () => {
		expect(told("kept")).toContain(
			"to put it back once its place is without a login: baton take-back myvps",
		);
	});
});

test("without a watcher it is said what waits for one", () => {
	const hint = "nothing goes on until it runs: baton watch";
	expect(text(recordWith(NEW_HOST, "taken"))).toContain(hint);
	expect(text(recordWith(NEW_HOST, "sealed"))).not.toContain(hint);
	expect(text(recordWith(NEW_HOST))).not.toContain(hint);
});

test("lines stay within 80 columns and show no whole fingerprint", () => {
	const steps: HandoverStep[] = ["provisional", "taken", "kept", "sealed", "putting-back"];
	const shown = text(recordWith(told({ state: "needs-login" }), ...steps));
	expect(Math.max(...shown.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
	expect(shown).not.toContain(FP);
});
