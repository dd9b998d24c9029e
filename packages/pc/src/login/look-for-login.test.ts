import type { Reading } from "@baton/core/credentials-file";
import { newHandover } from "@baton/core/handover-draft";
import {
	EMPTY_PC_RECORD,
	type HandoverStep,
	type Known,
	type PcRecord,
} from "@baton/core/handover-state";
import { lineageIdOf } from "@baton/core/lineage";
import { expect, test } from "vitest";
import { whatAppeared, whatIsThere } from "./look-for-login.ts";

const OLD = "0".repeat(64);
const NEW = "a".repeat(64);
const BLANK: Reading = { kind: "blank", session: undefined };

/** Only its fingerprint is looked at. */
const showing = (fp: string) => ({ kind: "login", fp }) as Reading;

function under(step: HandoverStep, fp = NEW, store = "login:myvps"): PcRecord {
	const facts = {
		fp,
		accessFp: fp,
		host: "myvps",
		store,
		account: undefined,
		expiresAt: undefined,
		deadline: undefined,
	};
	return { ...EMPTY_PC_RECORD, handovers: [newHandover(facts, step, true, 1)] };
}

function knowing(was: Known["was"], fp = NEW, host = "myvps"): PcRecord {
	return { ...EMPTY_PC_RECORD, known: { [fp]: { host, was, at: 1 } } };
}

test.each<[string, Reading, PcRecord, string]>([
	["nothing", BLANK, EMPTY_PC_RECORD, "none"],
	["a login nobody has seen", showing(NEW), EMPTY_PC_RECORD, "in-folder"],
	["one that is to be offered", showing(NEW), under("pending"), "in-folder"],
	["one in transit", BLANK, under("taken"), "under-way"],
	["one in transit from claude's own place", BLANK, under("taken", NEW, "normal"), "none"],
	["one that was spent", BLANK, under("sealed"), "none"],
	["one that was declined", showing(NEW), knowing("own"), "own"],
])("before: %s", (_what, reading, record, there) => {
	expect(whatIsThere("myvps", { reading, record })).toBe(there);
});

const NOTHING = { reading: BLANK, record: EMPTY_PC_RECORD };

test.each<[string, Reading, PcRecord, unknown]>([
	["nothing", BLANK, EMPTY_PC_RECORD, "nothing"],
	["a login in the folder", showing(NEW), EMPTY_PC_RECORD, "here"],
	["one that a watcher has offered already", showing(NEW), under("taking"), "here"],
	["one that a watcher has taken already", BLANK, under("taken"), "here"],
	["one that the host could not claim", BLANK, under("sealed"), { result: "spent" }],
	["one that is kept", BLANK, under("kept"), { result: "kept", reason: "unsure" }],
	["a copy of another", BLANK, knowing("in-custody"), { result: "copy" }],
	["one of another host", BLANK, knowing("handed-over", NEW, "other"), "nothing"],
])("after: %s", (_what, reading, record, appeared) => {
	const found = whatAppeared("myvps", NOTHING, { reading, record });
	if (typeof appeared === "string") expect(found).toBe(appeared);
	else expect(found).toMatchObject({ host: "myvps", fp: NEW, ...(appeared as object) });
});

test("one that a watcher has handed over already tells its generation", () => {
	const witness = { [lineageIdOf(NEW)]: { generation: 4, proof: "p" } };
	const memory = {
		needId: undefined,
		need: undefined,
		contactAt: 1,
		status: undefined,
		warned: undefined,
		witness,
	};
	const record = { ...knowing("handed-over"), hosts: { myvps: memory } };
	expect(whatAppeared("myvps", NOTHING, { reading: BLANK, record })).toMatchObject({
		result: "handed-over",
		generation: 4,
	});
});

test("what was there before is no news, wherever it has gone since", () => {
	const looks: [Reading, PcRecord][] = [
		[showing(OLD), EMPTY_PC_RECORD],
		[BLANK, under("sealed", OLD)],
		[BLANK, knowing("handed-over", OLD)],
	];
	for (const [reading, record] of looks) {
		const before = { reading, record };
		for (const [after, later] of looks) {
			const now = { reading: after, record: later };
			expect(whatAppeared("myvps", before, now)).toBe("nothing");
		}
	}
});
