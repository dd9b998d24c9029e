import { expect, test } from "vitest";
import { isOurs } from "./answer-custody.ts";
import { emptyRecord, type Past } from "./custody-state.ts";

const FP = "ab".repeat(32);
const lineageId = "ab".repeat(8);

test.each<[Past, boolean]>([
	[{ was: "claimed", lineageId, at: 1 }, true],
	[{ was: "retired", lineageId, at: 1 }, true],
	[{ was: "spent", lineageId, at: 1 }, true],
	// Its owner may have it again: a sink that finds it there must not write over it.
	[{ was: "not-taken", reason: "replaced", at: 1 }, false],
	[{ was: "withdrawn", at: 1 }, false],
])("a copy of one that was %o is ours: %s", (past, ours) => {
	const record = { ...emptyRecord("default", "00".repeat(32)), past: { [FP]: past } };
	expect(isOurs(record, FP)).toBe(ours);
	expect(isOurs(record, "cd".repeat(32))).toBe(false);
});
