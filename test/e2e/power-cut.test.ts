/**
 * The power is cut at every moment of a real hand-over, and of a real import, and at every moment a
 * login's newest refresh token lies durably somewhere, and nowhere that two would spend it; every state
 * file and every sink's is the old or the new one, and nothing was done before what it rests on was on
 * the disk.
 */
import { afterAll, describe, expect, test } from "vitest";
import { sshdMissing } from "../parts/sshd.ts";
import { BREAKS } from "../powercut/breaks.ts";
import { RULE_NAMES } from "../powercut/order.ts";
import { examine, type Film, filmOf, type Verdict } from "../powercut/powercut.ts";
import { record, STORIES } from "../powercut/record.ts";
import { straceMissing } from "../powercut/strace.ts";

const missing = straceMissing() ?? sshdMissing();
const films = new Map<string, Film>();
const met = new Set<string>();

const NO_FAULT = { lost: 0, doubled: 0, unreadable: 0, orderFaults: 0, exposed: 0, faults: [] };

function report(name: string, { prefixes, images, pairs, lostInFlight }: Verdict): void {
	console.log(
		`${name}: ${prefixes} prefixes, ${images} images, ${pairs} pairs, ${lostInFlight} lost in flight`,
	);
}

describe.skipIf(missing !== undefined)("a power cut at every moment of", () => {
	test.each(STORIES)("$name", async (story) => {
		const film = filmOf(await record(story));
		films.set(story.key, film);
		const verdict = await examine(film);
		report(story.name, verdict);
		expect(verdict).toMatchObject(NO_FAULT);
		// Each rotation has such a moment: were none found, nothing was looked at.
		expect(verdict.lostInFlight).toBeGreaterThan(0);
		expect(verdict.prefixes).toBeGreaterThan(100);
		for (const rule of verdict.rulesMet) met.add(rule);
	});

	test("all of them, by which every rule of order had something to judge", () => {
		expect([...met].sort()).toEqual([...RULE_NAMES].sort());
	});

	test.each(BREAKS)("a program in which $name: it is seen", async ({ story, breaks, seenAs }) => {
		const film = films.get(story);
		if (film === undefined) throw new Error("nothing was recorded");
		expect((await examine(breaks(film)))[seenAs]).toBeGreaterThan(0);
	});
});

afterAll(() => {
	for (const { laid } of films.values()) laid.remove();
});
