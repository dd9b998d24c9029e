import { newHandover } from "@baton/core/handover-draft";
import { EMPTY_PC_RECORD, type PcRecord } from "@baton/core/handover-state";
import { decodeState, encodeState } from "@baton/io/state-file";
import { expect, test } from "vitest";
import { PC_RECORD_FORMAT } from "./pc-record.ts";

const FP = "a".repeat(64);
const facts = {
	fp: FP,
	accessFp: "b".repeat(64),
	host: "myvps",
	store: "normal",
	account: undefined,
	expiresAt: 5,
	deadline: undefined,
};

const FULL: PcRecord = {
	handovers: [newHandover(facts, "taken", false, 7)],
	stores: { normal: { fp: undefined, lastFp: FP, account: "a", deadline: 3 } },
	permit: { host: "myvps", by: "person", since: 1, replace: true },
	known: { [FP]: { host: "myvps", was: "handed-over", at: 2 } },
	hosts: {
		myvps: {
			needId: "n",
			need: "deadline",
			contactAt: 9,
			witness: { abc: { generation: 3, proof: FP } },
			warned: { deadline: 11, days: 3 },
			status: { v: 1, id: "x", type: "status", state: "held", sinks: [], disarm: [] },
		},
	},
};

function stored(record: PcRecord): PcRecord {
	return decodeState(encodeState(record, PC_RECORD_FORMAT), PC_RECORD_FORMAT, "pc.json");
}

test.each([
	["an empty record", EMPTY_PC_RECORD],
	["a full record", FULL],
])("%s comes back as it was", (_what, record) => {
	expect(stored(record)).toEqual(record);
});

test("a status that is no longer understood is forgotten, not fatal", () => {
	const { myvps } = FULL.hosts;
	const strange = { ...myvps, status: { ...myvps?.status, state: "levitating" } };
	const record = { ...FULL, hosts: { myvps: strange } } as unknown as PcRecord;
	expect(stored(record).hosts.myvps).toMatchObject({ status: undefined, needId: "n" });
});

test.each([
	["a step of another version", { handovers: [{ ...FULL.handovers[0], step: "flying" }] }],
	["a fingerprint that is none", { known: { nonsense: FULL.known[FP] } }],
])("%s is refused", (_what, change) => {
	expect(() => stored({ ...FULL, ...change } as unknown as PcRecord)).toThrow(
		expect.objectContaining({ code: "bad-state" }),
	);
});
