import { expect, test } from "vitest";
import { emptyRecord, type Lineage, type Past, type Phase } from "./custody-state.ts";
import { DAY, HOUR } from "./duration.ts";
import { lossEvidence, lossStory } from "./loss-evidence.ts";
import { madeUpLineage } from "./made-up-lineage.ts";
import type { LossEvidence, LossReason } from "./protocol.ts";
import { parseEntry } from "./session.ts";

const NOW = 1_800_000_000_000;
const FIRST = "a".repeat(64);

/** Five times refreshed, and nine days from its end. */
const LINEAGE = madeUpLineage({
	firstFp: FIRST,
	session: parseEntry({
		accessToken: "a",
		refreshToken: "r",
		refreshTokenExpiresAt: NOW + 9 * DAY,
	}),
	generation: 5,
	obtainedAt: NOW - 3 * HOUR,
});

const CLAIMED: Past = { was: "claimed", lineageId: LINEAGE.lineageId, at: NOW - 20 * DAY };

function evidenceOf(phase: Phase, more: Partial<Lineage> = {}, past = CLAIMED) {
	const record = emptyRecord("default", "0".repeat(64));
	const current = { ...LINEAGE, phase, ...more };
	return lossEvidence({ ...record, current, past: { [FIRST]: past } });
}

const LOST: Phase = { name: "needs-login", reason: "revoked-or-reused", since: NOW - HOUR };

test("a lost login tells who held it, since when, and whether they erased it", () => {
	expect(evidenceOf(LOST, { erasedAt: NOW - 19 * DAY })).toEqual({
		since: NOW - HOUR,
		generation: 5,
		rotatedAt: NOW - 3 * HOUR,
		device: "laptop",
		claimedAt: NOW - 20 * DAY,
		erasedAt: NOW - 19 * DAY,
		deadline: NOW + 9 * DAY,
	});
});

test("when it was claimed is told of a claim alone", () => {
	const retired: Past = { was: "retired", lineageId: LINEAGE.lineageId, at: NOW };
	expect(evidenceOf(LOST, {}, retired)).not.toHaveProperty("claimedAt");
});

test("one that was rolled back tells what the PC was told", () => {
	const phase: Phase = { name: "rolled-back", witnessed: 7, since: NOW };
	expect(evidenceOf(phase)).toMatchObject({ generation: 5, witnessed: 7 });
});

test.each<Phase["name"]>(["held", "suspect", "in-doubt", "refreshing"])(
	"one that is %s tells nothing",
	(name) => {
		expect(evidenceOf({ ...LOST, name } as unknown as Phase)).toBeUndefined();
	},
);

const EVIDENCE: LossEvidence = {
	since: NOW - HOUR,
	generation: 5,
	rotatedAt: NOW - 3 * HOUR,
	device: "laptop",
	claimedAt: NOW - 20 * DAY,
};
const ERASED = { erasedAt: NOW - 19 * DAY };

test.each<[string, LossReason, Partial<LossEvidence>, string[]]>([
	[
		"a copy that was never confirmed as erased is the first suspect",
		"revoked-or-reused",
		{},
		[
			"most likely: laptop used its copy, which it never confirmed erasing, or the session was ended on the account's page or by a logout",
			"it came from laptop 20 days ago; not confirmed as erased there; generation 5, last refreshed 3 h ago",
		],
	],
	[
		"one that was erased is none",
		"revoked-or-reused",
		ERASED,
		[
			"most likely: the session was ended on the account's page or by a logout, or an older copy of it was used, as from a backup",
			"it came from laptop 20 days ago; erased there 19 days ago; generation 5, last refreshed 3 h ago",
		],
	],
	[
		"one that was imported here",
		"revoked-or-reused",
		{ device: "this-host" },
		[
			"most likely: a copy of it was used that lay elsewhere when it was imported, or the session was ended on the account's page or by a logout",
			"it was imported here 20 days ago; generation 5, last refreshed 3 h ago",
		],
	],
	[
		"a lost reply",
		"lost-in-flight",
		ERASED,
		[
			"most likely: the provider had replaced its token, and the answer never came or was not saved in time",
			"it came from laptop 20 days ago; erased there 19 days ago; generation 5, last refreshed 3 h ago",
		],
	],
	[
		"the end of a setup token",
		"deadline",
		{ generation: 0, device: "this-host", claimedAt: undefined },
		[
			"most likely: its time was up; no refresh moves the end of a login",
			"it was imported here; never refreshed",
		],
	],
	[
		"a host that was restored",
		"rolled-back",
		{ ...ERASED, witnessed: 7 },
		[
			"most likely: this host was restored from a copy: a PC was told of generation 7, here it is 5",
			"it came from laptop 20 days ago; erased there 19 days ago; generation 5, last refreshed 3 h ago",
		],
	],
])("%s", (_what, reason, more, story) => {
	expect(lossStory(reason, { ...EVIDENCE, ...more }, NOW)).toEqual(story);
});
