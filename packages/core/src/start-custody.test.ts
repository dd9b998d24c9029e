/** A start, or a jump of the clock, in every state there is: each lands in a state with a name, with nothing lost. */

import { describe, expect, test } from "vitest";
import {
	type CustodyRecord,
	DEFAULT_RULES,
	emptyRecord,
	type Imported,
	type Lineage,
	type Phase,
	type Role,
} from "./custody-state.ts";
import { type CustodyDecision, decideCustody, startCustody } from "./decide-custody.ts";
import { DAY, HOUR, MINUTE } from "./duration.ts";
import { fingerprint, lineageIdOf } from "./lineage.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import { nextWake } from "./plan-custody.ts";
import { Secret } from "./secret.ts";
import { parseEntry } from "./session.ts";

const NOW = 1_800_000_000_000;

interface Held {
	readonly phase: Phase;
	/** An hour of its access token is left unless it has ended. */
	readonly ended?: true;
	readonly account?: string;
	readonly imported?: Imported["state"];
	readonly generation?: number;
}

function lineage(letter: string, held: Held): Lineage {
	const first = fingerprint(new Secret(`${letter}0`));
	const { phase, ended, account, imported, generation = 3 } = held;
	const newest = generation === 0 ? new Secret(`${letter}0`) : new Secret(`${letter}1`);
	return madeUpLineage({
		lineageId: lineageIdOf(first),
		firstFp: first,
		fp: fingerprint(newest),
		session: {
			...parseEntry({ accessToken: `${letter}-access`, refreshToken: newest.reveal() }),
			expiresAt: ended ? NOW - MINUTE : NOW + HOUR,
			deadline: NOW + 20 * DAY,
		},
		generation,
		obtainedAt: NOW - 7 * HOUR,
		account,
		imported: imported && { path: "/f", state: imported },
		phase,
	});
}

const INTENT = { at: NOW - 10 * MINUTE };
const HELD: Phase = { name: "held" };
const SUSPECT: Phase = { name: "suspect", since: NOW - HOUR };
const DOUBT: Phase = { name: "in-doubt", intent: INTENT, lateTryAt: undefined };
const STAGED: Phase = { name: "staged", served: false };

/** Role, how it was left, the state it lands in, and what is begun at once. */
const ROWS: readonly (readonly [string, Role, Held, Phase["name"], string | undefined])[] = [
	["held", "current", { phase: HELD }, "held", "probe"],
	["held, its token has ended", "current", { phase: HELD, ended: true }, "held", undefined],
	[
		"refreshing",
		"current",
		{ phase: { name: "refreshing", intent: INTENT, before: HELD } },
		"in-doubt",
		"harvest",
	],
	[
		"refreshing, suspect before",
		"current",
		{ phase: { name: "refreshing", intent: INTENT, before: { ...SUSPECT, name: "suspect" } } },
		"in-doubt",
		"harvest",
	],
	["in doubt", "current", { phase: DOUBT }, "in-doubt", "harvest"],
	[
		"in doubt, the late try counted",
		"current",
		{ phase: { ...DOUBT, lateTryAt: NOW - 5 * MINUTE } },
		"in-doubt",
		"harvest",
	],
	["suspect", "current", { phase: SUSPECT }, "suspect", "probe"],
	[
		"rolled back",
		"current",
		{ phase: { name: "rolled-back", witnessed: 9, since: NOW - HOUR } },
		"rolled-back",
		undefined,
	],
	[
		"lost",
		"current",
		{ phase: { name: "needs-login", reason: "lost-in-flight", since: NOW - HOUR } },
		"needs-login",
		undefined,
	],
	["being ended", "current", { phase: { name: "revoking", since: NOW } }, "revoking", "revoke"],
	[
		"delivered: only its PC arms it again",
		"staged",
		{ phase: STAGED, generation: 0 },
		"staged",
		undefined,
	],
	[
		"delivered and served, not claimed",
		"staged",
		{ phase: { name: "staged", served: true }, generation: 0, account: "A" },
		"staged",
		undefined,
	],
	[
		"imported, its file not touched yet",
		"staged",
		{ phase: STAGED, generation: 0, imported: "armed" },
		"staged",
		"probe",
	],
	[
		"imported, its file being disarmed",
		"staged",
		{ phase: STAGED, generation: 0, imported: "disarming", account: "A" },
		"staged",
		"disarm-source",
	],
	[
		"imported and disarmed, to be claimed",
		"staged",
		{ phase: STAGED, generation: 0, imported: "disarmed", account: "A" },
		"staged",
		"prove-sinks",
	],
	[
		"being claimed",
		"staged",
		{
			phase: { name: "refreshing", intent: INTENT, before: { name: "staged", served: false } },
			generation: 0,
		},
		"in-doubt",
		"harvest",
	],
	["its claim in doubt", "staged", { phase: DOUBT, generation: 0 }, "in-doubt", "harvest"],
	["claimed unseen", "staged", { phase: { name: "verifying" } }, "verifying", "probe"],
	[
		"claimed unseen, and refreshed",
		"staged",
		{ phase: { name: "refreshing", intent: INTENT, before: { name: "verifying" } } },
		"in-doubt",
		"harvest",
	],
	[
		"sealed",
		"staged",
		{ phase: { name: "needs-login", reason: "lost-in-flight", since: NOW - HOUR } },
		"needs-login",
		undefined,
	],
];

function recordOf(role: Role, left: Held): CustodyRecord {
	const record = emptyRecord("default", "0".repeat(64));
	const one = lineage(role === "current" ? "c" : "s", left);
	return {
		...record,
		account: "A",
		[role]: one,
		lineages: { [one.lineageId]: one.generation },
	};
}

const STARTED = ["probe", "prove-sinks", "harvest", "disarm-source", "refresh", "revoke"];

function begun({ effects }: CustodyDecision): string | undefined {
	return effects.map(({ type }) => type).find((type) => STARTED.includes(type));
}

/** Everything durable, as the next start would find it. */
function onDisk(before: CustodyRecord, { effects }: CustodyDecision): CustodyRecord {
	const persisted = effects.find((effect) => effect.type === "persist");
	return persisted?.type === "persist" ? persisted.record : before;
}

describe.each(ROWS)("%s (%s)", (_what, role, left, phase, next) => {
	const record = recordOf(role, left);
	const fp = record[role]?.fp;

	test("a start lands in a state with a name, durably, and knows what is next", () => {
		const decision = startCustody(record, DEFAULT_RULES, NOW, 0);
		const after = onDisk(record, decision);
		expect(after).toBe(decision.state.record);
		expect([after[role]?.phase.name, begun(decision)]).toEqual([phase, next]);
		expect(after[role]?.fp).toBe(fp);
		expect(after[role]?.session.refreshToken?.reveal()).toBe(
			record[role]?.session.refreshToken?.reveal(),
		);
		expect(nextWake(decision.state, NOW)).toBeGreaterThan(NOW);
	});

	test("one start after another changes nothing more", () => {
		const once = onDisk(record, startCustody(record, DEFAULT_RULES, NOW, 0));
		const twice = startCustody(once, DEFAULT_RULES, NOW + MINUTE, 0);
		expect(twice.state.record).toEqual(once);
		expect(begun(twice)).toBe(next);
	});

	test.each([-10 * HOUR, -2 * MINUTE, 0, 10 * HOUR, 19 * DAY])(
		"with a clock that is off by %d ms nothing is spent at once, and nothing lost",
		(shift) => {
			const decision = startCustody(record, DEFAULT_RULES, NOW + shift, 0);
			expect(begun(decision)).not.toBe("refresh");
			expect(decision.state.record[role]?.fp).toBe(fp);
			expect(nextWake(decision.state, NOW + shift)).toBeGreaterThan(NOW + shift);
		},
	);

	test.each([-10 * HOUR, 10 * HOUR, 19 * DAY])(
		"a clock that jumps by %d ms while it runs spends nothing at once, and loses nothing",
		(shift) => {
			const running = startCustody(record, DEFAULT_RULES, NOW, 0);
			const jump = { type: "clock-jumped", by: shift, random: 0 } as const;
			const jumped = decideCustody(running.state, jump, NOW + shift);
			expect(begun(jumped)).not.toBe("refresh");
			expect(jumped.state.record[role]?.fp).toBe(fp);
			const { operation } = jumped.state.run;
			// A look that was begun before is waited for, and counts no more.
			if (operation?.kind === "void") expect(next).toBeDefined();
			expect(nextWake(jumped.state, NOW + shift)).toBeGreaterThan(NOW + shift);
		},
	);
});

test("what retires is kept in mind over a start as long as its access token may be in use", () => {
	const record = recordOf("current", { phase: HELD });
	const retiring = { lineageId: "f".repeat(16), accessUntil: NOW + HOUR };
	const start = (now: number) =>
		startCustody({ ...record, retiring }, DEFAULT_RULES, now, 0).state.record.retiring;
	expect(start(NOW)).toEqual(retiring);
	expect(start(NOW + HOUR)).toBeUndefined();
});

const ROLES: Readonly<Record<Phase["name"], readonly Role[]>> = {
	staged: ["staged"],
	verifying: ["staged"],
	held: ["current"],
	refreshing: ["current", "staged"],
	"in-doubt": ["current", "staged"],
	suspect: ["current"],
	"rolled-back": ["current"],
	revoking: ["current"],
	"needs-login": ["current", "staged"],
};

test.each(Object.entries(ROLES))("every phase of each role has its row: %s", (name, roles) => {
	const of = ROWS.filter(([, , { phase }]) => phase.name === name).map(([, role]) => role);
	expect([...new Set(of)].sort()).toEqual(roles);
});

test.each<[string, Phase, string[]]>([
	["held: of its end", HELD, ["deadline-near"]],
	["lost: it has said so", { name: "needs-login", reason: "logged-out", since: NOW }, []],
])("what is warned of after a start, 19 days on: %s", (_what, phase, told) => {
	const { effects } = startCustody(
		recordOf("current", { phase }),
		DEFAULT_RULES,
		NOW + 19 * DAY,
		0,
	);
	expect(effects.flatMap((effect) => (effect.type === "note" ? effect.what : []))).toEqual(told);
});

test.each([
	["while it holds", NOW, NOW + HOUR],
	["by a clock that has stepped back to before it was heard", NOW - 2 * HOUR, 0],
	["once its time is over", NOW + HOUR, 0],
])("what the provider asked for is heeded after a start: %s", (_when, now, at) => {
	const record = recordOf("current", { phase: HELD });
	const askedToWait = { heardAt: NOW - HOUR, until: NOW + HOUR, why: "rate-limited" };
	const current = record.current && { ...record.current, askedToWait };
	const { state } = startCustody({ ...record, current }, DEFAULT_RULES, now, 0);
	expect(state.run.refreshRetry.current.at).toBe(at);
});
