/**
 * Everything `baton status` can come to say, in one file to be read from top to bottom:
 * `status-states.txt`. A change that is meant: `npx vitest run packages/pc/src/status-states -u`, and
 * read every line of the difference as somebody who has never seen Baton.
 */

import { DAY, HOUR, MINUTE } from "@baton/core/duration";
import { newHandover } from "@baton/core/handover-draft";
import {
	EMPTY_PC_RECORD,
	HANDOVER_STEPS,
	type Handover,
	type HandoverStep,
	type HostMemory,
	type Known,
	NEW_HOST,
	type PcRecord,
	type PcRules,
} from "@baton/core/handover-state";
import type { LossEvidence, LossReason, StatusAnswer } from "@baton/core/protocol";
import { expect, test } from "vitest";
import type { LiveFacts } from "./control/messages.ts";
import { statusFacts } from "./status-facts.ts";
import { statusText } from "./status-text.ts";

const NOW = 1_800_000_000_000;
const FP = "abcdef0123456789".repeat(4);
const LIVE: LiveFacts = { pid: 4711, links: {}, stores: {} };
const OUT_OF_REACH = {
	myvps: {
		why: "cannot reach vps.example.net:22: nothing listens there",
		next: "look whether sshd runs there",
	},
};

type Mode = "dedicated" | "follow-login";

interface Shown {
	readonly record?: Partial<PcRecord>;
	/** The host's last word; it holds a login unless given, and was never heard from if null. */
	readonly told?: Partial<StatusAnswer> | null;
	readonly need?: LossReason;
	/** The days of the last warning of its login's end. */
	readonly warned?: number;
	readonly mode?: Mode | "gone";
	/** What a watcher knows; none runs if null. */
	readonly live?: Partial<LiveFacts> | null;
}

function memoryOf({ told = {}, need, warned: days }: Shown): HostMemory {
	if (told === null) return NEW_HOST;
	const status: StatusAnswer = {
		v: 1,
		id: "x",
		type: "status",
		state: "held",
		lineageId: "0".repeat(16),
		generation: 3,
		accessUntil: NOW + 2 * HOUR,
		deadline: NOW + 27 * DAY,
		sinks: [],
		disarm: [],
		...told,
	};
	const warned = days === undefined ? undefined : { deadline: status.deadline ?? 0, days };
	return { ...NEW_HOST, contactAt: NOW - 3 * MINUTE, status, need, warned };
}

function page(shown: Shown): string {
	const { record, mode = "dedicated", live } = shown;
	const rules: PcRules = {
		hosts: mode === "gone" ? {} : { myvps: { name: "default", mode, followLogin: "when-needed" } },
		timing: { statusEvery: 15 * MINUTE },
	};
	const whole = { ...EMPTY_PC_RECORD, hosts: { myvps: memoryOf(shown) }, ...record };
	const watcher = live === null ? undefined : { ...LIVE, ...live };
	const lines = statusText(statusFacts(whole, rules, watcher, undefined), NOW);
	expect(Math.max(...lines.map((line) => (/: \S.*$/.test(line) ? 0 : line.length)))).toBeLessThan(
		81,
	);
	expect(lines.join("\n")).not.toContain(FP);
	return lines.join("\n");
}

function handover(step: HandoverStep, more: Partial<Handover> = {}): Partial<PcRecord> {
	const facts = {
		fp: FP,
		accessFp: FP,
		host: "myvps",
		store: "login:myvps",
		account: undefined,
		expiresAt: undefined,
		deadline: NOW + 30 * DAY,
	};
	return { handovers: [{ ...newHandover(facts, step, true, NOW - MINUTE), ...more }] };
}

function left(reason: Known["reason"]): Partial<PcRecord> {
	const view = { fp: FP, lastFp: undefined, account: undefined, deadline: NOW + 30 * DAY };
	const why = reason === undefined ? {} : { reason };
	return {
		stores: { "login:myvps": view },
		known: { [FP]: { host: "myvps", was: "own", at: NOW - MINUTE, ...why } },
	};
}

function permit(by: "person" | "host"): Partial<PcRecord> {
	return { permit: { host: "myvps", by, since: NOW - 5 * MINUTE, replace: false } };
}

// Each list names every member of its kind, or does not compile.

const REASONS: Record<NonNullable<Handover["reason"]>, true> = {
	"other-account": true,
	dead: true,
	expired: true,
	replaced: true,
	withdrawn: true,
	forced: true,
	unsure: true,
};

const LEFT: Record<NonNullable<Known["reason"]>, true> = {
	healthy: true,
	retired: true,
	busy: true,
	blank: true,
	"other-account": true,
	dead: true,
	expired: true,
	replaced: true,
	withdrawn: true,
	forced: true,
	unsure: true,
};

const NEEDS: Record<LossReason, true> = {
	"revoked-or-reused": true,
	deadline: true,
	"lost-in-flight": true,
	"logged-out": true,
	"rolled-back": true,
	"none-yet": true,
};

const STATES: Record<StatusAnswer["state"], true> = {
	none: true,
	staged: true,
	verifying: true,
	held: true,
	refreshing: true,
	"in-doubt": true,
	suspect: true,
	"rolled-back": true,
	"needs-login": true,
};

const LOST = {
	"revoked-or-reused": "needs-login",
	deadline: "needs-login",
	"lost-in-flight": "needs-login",
	"rolled-back": "rolled-back",
} as const satisfies Partial<Record<LossReason, StatusAnswer["state"]>>;

const EVIDENCE: LossEvidence = {
	since: NOW - HOUR,
	generation: 41,
	rotatedAt: NOW - 9 * HOUR,
	device: "laptop",
	claimedAt: NOW - 13 * DAY,
	erasedAt: NOW - 13 * DAY,
};

const keys = <K extends string>(all: Record<K, unknown>) => Object.keys(all) as K[];
const NONE = { told: { state: "none" }, need: "none-yet" } as const;
const FIRST = { ...NONE, live: {} } satisfies Shown;

const PAGES: readonly (readonly [string, Shown])[] = [
	["nothing in the settings", { mode: "gone", record: { hosts: {} }, live: null }],
	["never heard from, nobody watches", { told: null, live: null }],
	["never heard from, a watcher runs", { told: null }],
	["never heard from, and out of reach", { told: null, live: { links: OUT_OF_REACH } }],
	...keys(STATES).map((state) => [`the host says: ${state}`, { told: { state } }] as const),
	...keys(NEEDS).map(
		(need) => [`it needs a login: ${need}`, { told: { state: "needs-login" }, need }] as const,
	),
	[
		"set back to an older state, and serving on",
		{ told: { state: "rolled-back" }, need: "rolled-back" },
	],
	...keys(LOST).map(
		(need) =>
			[
				`it needs a login, and tells what it knows: ${need}`,
				{ told: { state: LOST[need], need: { id: "n", reason: need, evidence: EVIDENCE } }, need },
			] as const,
	),
	["its login nears its end", { told: { deadline: NOW + 6 * DAY + HOUR }, warned: 7 }],
	["its token has ended by its last word", { told: { accessUntil: NOW - HOUR } }],
	[
		"its login has ended by its last word",
		{ told: { accessUntil: NOW - HOUR, deadline: NOW - 1 } },
	],
	["it held a login, and is out of reach", { live: { links: OUT_OF_REACH } }],
	...HANDOVER_STEPS.map(
		(step) => [`first login, ${step}`, { ...FIRST, record: handover(step) }] as const,
	),
	["first login, pending, nobody watches", { ...NONE, record: handover("pending"), live: null }],
	[
		"first login, pending, out of reach",
		{ ...NONE, record: handover("pending"), live: { links: OUT_OF_REACH } },
	],
	["first login, in transit, nobody watches", { ...NONE, record: handover("taken"), live: null }],
	[
		"first login, in transit, out of reach",
		{ ...NONE, record: handover("taken"), live: { links: OUT_OF_REACH } },
	],
	[
		"taken back while it was being taken",
		{ ...NONE, record: handover("taking", { takeBack: "asked" }) },
	],
	["taken back in transit", { ...NONE, record: handover("taken", { takeBack: "asked" }) }],
	["declined in transit", { ...NONE, record: handover("taken", { takeBack: "declined" }) }],
	["a second login in transit", { record: handover("taken") }],
	...keys(REASONS).map(
		(reason) =>
			[`coming back: ${reason}`, { record: handover("putting-back", { reason }) }] as const,
	),
	[
		"coming back: declined in transit",
		{ record: handover("putting-back", { reason: "withdrawn", takeBack: "declined" }) },
	],
	["kept, while the host needs a login", { ...NONE, record: handover("kept", { reason: "dead" }) }],
	...keys(REASONS).map(
		(reason) => [`kept: ${reason}`, { record: handover("kept", { reason }) }] as const,
	),
	["lost to another account", { record: handover("sealed", { reason: "other-account" }) }],
	...keys(LEFT).map(
		(reason) => [`left in its folder: ${reason}`, { record: left(reason) }] as const,
	),
	["left in its folder, since an older version", { record: left(undefined) }],
	...(["person", "host"] as const).map(
		(by) =>
			[
				`a permit, given by a ${by}`,
				{ ...NONE, mode: "follow-login", record: permit(by) },
			] as const,
	),
	["follows this PC's logins, needs one, no permit", { ...NONE, mode: "follow-login" }],
	...(["provisional", "pending", "taken", "kept", "sealed"] as const).map(
		(step) =>
			[
				`from claude's own place, ${step}`,
				{ ...NONE, mode: "follow-login", record: handover(step, { store: "normal" }) },
			] as const,
	),
	...HANDOVER_STEPS.map(
		(step) =>
			[`no longer in the settings, ${step}`, { mode: "gone", record: handover(step) }] as const,
	),
	["a file that cannot be read", { live: { stores: { "/p": "/p is not a credentials file" } } }],
	[
		"a state that cannot be written",
		{ live: { trouble: "cannot write pc.json: the disk is full" } },
	],
];

test("every state there is, as a person reads it", async () => {
	const titles = PAGES.map(([title]) => title);
	expect(new Set(titles).size).toBe(titles.length);
	const text = PAGES.map(([title, shown]) => `## ${title}\n\n${page(shown)}\n`).join("\n");
	await expect(text).toMatchFileSnapshot("./status-states.txt");
});

test("no state leaves a person without a word on what it means and who holds the login", () => {
	for (const [title, shown] of PAGES) {
		expect([title, page(shown)]).not.toEqual([
			title,
			expect.stringMatching(/undefined|NaN|\[object/),
		]);
	}
});

test("for machines every fact stands by itself, and no fingerprint is whole", () => {
	const record = handover("taken", { takeBack: "declined", reason: "other-account" });
	const rules: PcRules = {
		hosts: { myvps: { name: "default", mode: "dedicated", followLogin: "when-needed" } },
		timing: { statusEvery: 15 * MINUTE },
	};
	const hosts = { myvps: memoryOf({ told: { rotatedAt: NOW - HOUR, version: "0.1.0" } }) };
	const whole = { ...EMPTY_PC_RECORD, ...record, ...permit("host"), hosts };
	const facts = statusFacts(whole, rules, LIVE, undefined);
	expect(JSON.stringify(facts)).not.toContain(FP);
	expect(facts).toMatchObject({
		ok: true,
		watcher: { running: true, pid: 4711 },
		permit: { host: "myvps", by: "host", since: NOW - 5 * MINUTE, replace: false },
		hosts: [
			{
				host: "myvps",
				login: "dedicated",
				holder: "in-transit",
				hasEarlier: true,
				state: "held",
				lineageId: "0".repeat(16),
				generation: 3,
				accessUntil: NOW + 2 * HOUR,
				deadline: NOW + 27 * DAY,
				rotatedAt: NOW - HOUR,
				version: "0.1.0",
				contactAt: NOW - 3 * MINUTE,
				handovers: [
					{
						fp: FP.slice(0, 12),
						step: "taken",
						store: "dedicated",
						since: NOW - MINUTE,
						deadline: NOW + 30 * DAY,
						takeBack: "declined",
						reason: "other-account",
					},
				],
			},
		],
	});
});
