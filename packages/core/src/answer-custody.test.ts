import { describe, expect, test } from "vitest";
import { isOurs } from "./answer-custody.ts";
import { answerRequest } from "./answer-request.ts";
import type { Draft } from "./custody-draft.ts";
import { DEFAULT_RULES, emptyRecord, freshRun, type Past } from "./custody-state.ts";
import type { Request } from "./protocol.ts";

const FP = "ab".repeat(32);
const lineageId = "ab".repeat(8);
const EMPTY = emptyRecord("default", "00".repeat(32));

test.each<[Past, boolean]>([
	[{ was: "claimed", lineageId, at: 1 }, true],
	[{ was: "retired", lineageId, at: 1 }, true],
	[{ was: "spent", lineageId, at: 1 }, true],
	// Its owner may have it again: a sink that finds it there must not write over it.
	[{ was: "not-taken", reason: "replaced", at: 1 }, false],
	[{ was: "withdrawn", at: 1 }, false],
])("a copy of one that was %o is ours: %s", (past, ours) => {
	const record = { ...EMPTY, past: { [FP]: past } };
	expect(isOurs(record, FP)).toBe(ours);
	expect(isOurs(record, "cd".repeat(32))).toBe(false);
});

describe("one that was used up so long ago that only its first digits are known", () => {
	const faded = [FP.slice(0, 16)];

	/** What is answered, and whether the record is what it was. */
	function ask(request: object) {
		const record = { ...EMPTY, faded };
		const draft: Draft = { record, run: freshRun(0), rules: DEFAULT_RULES, effects: [] };
		const about = { v: 1, id: "1", name: "default", fp: FP, holds: [FP], witness: [] };
		answerRequest(
			draft,
			{
				type: "request",
				key: "1",
				device: "laptop",
				request: { ...about, ...request } as unknown as Request,
				nonce: "n",
				random: 0,
			},
			5,
		);
		const reply = draft.reply?.();
		if (reply?.type !== "answer") throw new Error("no answer");
		return { ...reply, untouched: draft.record === record };
	}

	test("is ours", () => expect(isOurs({ ...EMPTY, faded }, FP)).toBe(true));

	test.each<[object, object]>([
		[
			{ type: "offer", lineageId, kind: "login", replace: true },
			{ type: "decline", fp: FP, reason: "retired" },
		],
		[
			{ type: "deliver", nonce: "n", session: {} },
			{ type: "spent", fp: FP },
		],
		[{ type: "custody" }, { type: "spent", fp: FP }],
		[{ type: "withdraw" }, { type: "spent", fp: FP }],
	])("%o is answered so that nobody spends it again", (request, body) => {
		const answer = ask(request);
		expect(answer.body).toEqual(body);
		expect(answer.untouched).toBe(true);
		expect(answer.disarm).toEqual([{ fp: FP, state: "retired" }]);
	});
});
