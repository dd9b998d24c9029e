import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatRecord, parseRecord } from "./custody-record.ts";
import {
	type CustodyRecord,
	emptyRecord,
	type Lineage,
	type Past,
	type Phase,
	type QuietPhase,
} from "./custody-state.ts";
import { BatonError } from "./error.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import { Secret } from "./secret.ts";
import { type Session, setupTokenSession } from "./session.ts";

const instants = fc.nat({ max: 4e12 });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const hex = (length: number) =>
	fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const fps = hex(64);
const lineageIds = hex(16);
const secrets = fc.string({ minLength: 1, maxLength: 40 }).map((text) => new Secret(text));

const logins: fc.Arbitrary<Session> = fc.record({
	kind: fc.constant("login" as const),
	accessToken: secrets,
	refreshToken: secrets,
	expiresAt: optional(instants),
	deadline: optional(instants),
	scopes: fc.array(fc.string({ maxLength: 20 }), { maxLength: 4 }),
	account: optional(fc.string({ maxLength: 40 })),
	rest: fc.record({ subscriptionType: fc.string(), laterKey: fc.array(fc.nat()) }),
});
const setupTokens = fc
	.tuple(secrets, optional(instants))
	.map(([token, end]) => setupTokenSession(token, end));

const quiet: fc.Arbitrary<QuietPhase> = fc.oneof(
	fc.record({ name: fc.constant("staged" as const), served: fc.boolean() }),
	fc.constant({ name: "held" as const }),
	fc.record({ name: fc.constant("suspect" as const), since: instants }),
);
const intents = fc.record({ at: instants });
const phases: fc.Arbitrary<Phase> = fc.oneof(
	quiet,
	fc.record({ name: fc.constant("refreshing" as const), intent: intents, before: quiet }),
	fc.record({
		name: fc.constant("in-doubt" as const),
		intent: intents,
		lateTryAt: optional(instants),
	}),
	fc.record({ name: fc.constant("rolled-back" as const), witnessed: fc.nat(), since: instants }),
	fc.record({
		name: fc.constant("needs-login" as const),
		reason: fc.constantFrom(
			"revoked-or-reused" as const,
			"deadline" as const,
			"lost-in-flight" as const,
			"logged-out" as const,
			"rolled-back" as const,
			"none-yet" as const,
		),
		since: instants,
	}),
);

const lineages: fc.Arbitrary<Lineage> = fc.record({
	lineageId: lineageIds,
	firstFp: fps,
	fp: fps,
	session: fc.oneof(logins, setupTokens),
	generation: fc.nat(),
	obtainedAt: instants,
	jitter: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
	device: fc.string({ maxLength: 30 }),
	account: optional(fc.uuid()),
	erasedAt: optional(instants),
	imported: optional(
		fc.record({
			path: optional(fc.string({ maxLength: 30 })),
			state: fc.constantFrom("armed" as const, "disarming" as const, "disarmed" as const),
		}),
	),
	warned: optional(fc.record({ deadline: instants, days: fc.nat() })),
	askedToWait: optional(fc.record({ heardAt: instants, until: instants, why: fc.string() })),
	phase: phases,
});

const was = (name: "claimed" | "retired" | "spent") =>
	fc.record({ was: fc.constant(name), lineageId: lineageIds, at: instants });
const pasts: fc.Arbitrary<Past> = fc.oneof(
	was("claimed") as fc.Arbitrary<Past>,
	was("retired") as fc.Arbitrary<Past>,
	was("spent") as fc.Arbitrary<Past>,
	fc.record({
		was: fc.constant("not-taken" as const),
		reason: fc.constantFrom(
			"other-account" as const,
			"dead" as const,
			"expired" as const,
			"replaced" as const,
		),
		at: instants,
	}),
	fc.record({ was: fc.constant("withdrawn" as const), at: instants }),
);

const records: fc.Arbitrary<CustodyRecord> = fc.record({
	name: fc.string({ maxLength: 30 }),
	proofKey: hex(64),
	account: optional(fc.string()),
	current: optional(lineages),
	retiring: optional(fc.record({ lineageId: lineageIds, accessUntil: optional(instants) })),
	staged: optional(lineages),
	past: fc.dictionary(fps, pasts, { maxKeys: 6, noNullPrototype: true }),
	faded: fc.array(hex(16), { maxLength: 6 }),
	lineages: fc.dictionary(lineageIds, fc.nat(), { maxKeys: 6, noNullPrototype: true }),
	learnt: fc.record({ killsOldAccess: fc.integer({ min: 0, max: 2 }) }),
});

/** The record with its tokens to be seen, since two Secrets look alike to any comparison. */
function bare(record: CustodyRecord): unknown {
	const of = (lineage: Lineage | undefined) =>
		lineage && {
			...lineage,
			session: {
				...lineage.session,
				accessToken: lineage.session.accessToken.reveal(),
				refreshToken: lineage.session.refreshToken?.reveal(),
			},
		};
	return { ...record, current: of(record.current), staged: of(record.staged) };
}

test("what is written is read again, whatever it is", () =>
	fc.assert(
		fc.property(records, (record) => {
			const read = parseRecord(formatRecord(record));
			expect(bare(read)).toEqual(bare(record));
			expect(formatRecord(read)).toBe(formatRecord(record));
		}),
	));

test("a record of a custody that never had a login is read again", () => {
	const record = emptyRecord("default", "00".repeat(32));
	expect(parseRecord(formatRecord(record))).toEqual(record);
});

describe("damage is refused as bad state, and nothing of the content is told", () => {
	const record: CustodyRecord = {
		...emptyRecord("default", "ab".repeat(32)),
		current: madeUpLineage(),
	};
	const whole = formatRecord(record);

	test.each<[what: string, json: string]>([
		["empty", ""],
		["one byte short", whole.slice(0, -1)],
		["cut in a token", whole.slice(0, whole.indexOf("CANARY") + 3)],
		["nul bytes", "\0".repeat(200)],
		["an array", "[]"],
		["null", "null"],
		["no proof key", changed((draft) => delete draft.proofKey)],
		["a short proof key", changed((draft) => Object.assign(draft, { proofKey: "CANARY" }))],
		["no past", changed((draft) => delete draft.past)],
		["nothing of what has faded", changed((draft) => delete draft.faded)],
		["what has faded is too long", changed((draft) => Object.assign(draft, { faded: ["CANARY"] }))],
		[
			"a past of no kind",
			changed((draft) => Object.assign(draft, { past: { x: { was: "CANARY" } } })),
		],
		["no phase", current((draft) => delete draft.phase)],
		["a phase of no name", current((draft) => Object.assign(draft, { phase: { name: "CANARY" } }))],
		[
			"in doubt since never",
			current((draft) => Object.assign(draft, { phase: { name: "in-doubt" } })),
		],
		["a negative generation", current((draft) => Object.assign(draft, { generation: -1 }))],
		["half a generation", current((draft) => Object.assign(draft, { generation: 1.5 }))],
		["no entry", current((draft) => delete draft.entry)],
		["an entry without a token", current((draft) => Object.assign(draft, { entry: {} }))],
		[
			"an entry with a token that is none",
			current((draft) => Object.assign(draft, { entry: { accessToken: { CANARY: 1 } } })),
		],
	])("%s", (_what, json) => {
		let error: unknown;
		try {
			parseRecord(json);
		} catch (caught) {
			error = caught;
		}
		expect(error).toBeInstanceOf(BatonError);
		const { code, message, hint, cause } = error as BatonError;
		expect(code).toBe("bad-state");
		expect(`${message} ${hint} ${cause}`).not.toContain("CANARY");
		expect(hint).toContain("nothing was touched");
	});

	type Bag = Record<string, unknown>;

	function changed(damage: (record: Bag) => unknown): string {
		const bag = JSON.parse(whole) as Bag;
		damage(bag);
		return JSON.stringify(bag);
	}

	function current(damage: (lineage: Bag) => unknown): string {
		return changed((bag) => damage(bag.current as Bag));
	}
});
