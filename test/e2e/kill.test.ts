/** The service is killed at a few of the points at which `npm run kill` does it at all of them. */
import { describe, expect, test } from "vitest";
import { killEverywhere } from "../kill/campaign.ts";
import { straceMissing } from "../powercut/strace.ts";

const POINTS = 16;

describe.skipIf(straceMissing() !== undefined)(
	"killed in the middle of a claim or a refresh",
	() => {
		test("every login lives on, or was lost with its answer, and that is said", async () => {
			const tally = await killEverywhere({ sample: POINTS, atOnce: 4 });
			expect(tally).toMatchObject({ lost: 0, spentTwice: 0, unnamed: 0, faults: [] });
			expect(tally.points).toBeGreaterThan(POINTS / 2);
		}, 400_000);
	},
);
