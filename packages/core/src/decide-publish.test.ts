import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SINK_BACKOFF } from "./backoff.ts";
import type { ServedToken } from "./custody-state.ts";
import {
	decidePublish,
	nextPublish,
	type PublishEffect,
	type PublishEvent,
	type PublishState,
	startPublish,
} from "./decide-publish.ts";
import { fingerprint } from "./lineage.ts";
import { Secret } from "./secret.ts";
import { parseEntry } from "./session.ts";

function token(generation: number): ServedToken {
	const session = parseEntry({ accessToken: `CANARY-${generation}`, refreshToken: "CANARY" });
	return {
		session,
		accessFp: fingerprint(session.accessToken),
		lineageId: "a1".repeat(8),
		generation,
	};
}

const accessFp = (generation: number) => fingerprint(new Secret(`CANARY-${generation}`));

/** Plays events one after another; gives the state and, for each event, what it asked for. */
function play(
	events: readonly (readonly [at: number, event: PublishEvent])[],
	sinks = ["file", "program"],
): { state: PublishState; asked: string[][] } {
	let state = startPublish(sinks);
	const asked = events.map(([at, event]) => {
		const decision = decidePublish(state, event, at);
		state = decision.state;
		return decision.effects.map(text);
	});
	return { state, asked };
}

function text(effect: PublishEffect): string {
	switch (effect.type) {
		case "write-sink":
			return `write ${effect.sink} ${effect.token.generation}`;
		case "confirm":
			return `confirm ${[1, 2, 3].find((generation) => accessFp(generation) === effect.access)}`;
		case "note":
			return `${effect.what} ${effect.sink}: ${effect.reason}`;
	}
}

const TOKEN = (generation: number): PublishEvent => ({ type: "token", token: token(generation) });
const WRITTEN = (sink: string, generation: number): PublishEvent => ({
	type: "written",
	sink,
	access: accessFp(generation),
});
const FAILED = (sink: string, generation: number): PublishEvent => ({
	type: "failed",
	sink,
	access: accessFp(generation),
	why: "disk full",
	random: 0,
});
const STEPPED_BACK = (sink: string, generation: number): PublishEvent => ({
	type: "stepped-back",
	sink,
	access: accessFp(generation),
	reason: "foreign",
});
const PROVED = (sink: string, why?: string): PublishEvent => ({ type: "proved", sink, why });
const TICK: PublishEvent = { type: "tick" };
const RESUMED: PublishEvent = { type: "resumed", sink: "file" };

interface Row {
	what: string;
	/** Ms, the event, and what it asks for. */
	story: [at: number, event: PublishEvent, asked: string[]][];
}

describe("stories", () => {
	test.each<Row>([
		{
			what: "every sink gets the token, and the last one to have it confirms",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[1, WRITTEN("file", 1), []],
				[2, WRITTEN("program", 1), ["confirm 1"]],
				[3, TICK, []],
			],
		},
		{
			what: "one that fails is tried again on its own and holds up no other",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[0, FAILED("file", 1), ["sink-failed file: disk full"]],
				[0, WRITTEN("program", 1), []],
				[SINK_BACKOFF[0] - 1, TICK, []],
				[SINK_BACKOFF[0], TICK, ["write file 1"]],
				// Said once, not at each attempt.
				[300, FAILED("file", 1), []],
				[300 + 999, TICK, []],
				[300 + 1_000, TICK, ["write file 1"]],
				[1_400, WRITTEN("file", 1), ["confirm 1"]],
			],
		},
		{
			what: "one that cannot be written is told of once, and again after it could",
			story: [
				[0, PROVED("file", "read-only"), ["sink-failed file: read-only"]],
				[1, PROVED("file", "read-only"), []],
				[2, PROVED("file"), []],
				[3, PROVED("file", "disk full"), ["sink-failed file: disk full"]],
				[4, TOKEN(1), ["write file 1", "write program 1"]],
				[5, WRITTEN("file", 1), []],
				[6, PROVED("file", "disk full"), ["sink-failed file: disk full"]],
			],
		},
		{
			what: "a new token waits for no back-off",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[0, FAILED("file", 1), ["sink-failed file: disk full"]],
				[1, TOKEN(2), ["write file 2"]],
				[2, WRITTEN("program", 1), ["write program 2"]],
				[3, WRITTEN("program", 2), []],
				[4, WRITTEN("file", 2), ["confirm 2"]],
			],
		},
		{
			what: "a write under way is ended before the next one begins, and an old token confirms nothing",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[1, TOKEN(2), []],
				[2, WRITTEN("program", 1), ["write program 2"]],
				[3, WRITTEN("program", 2), []],
				[4, TOKEN(3), ["write program 3"]],
				[5, WRITTEN("file", 1), ["write file 3"]],
				[6, WRITTEN("program", 3), []],
				[7, WRITTEN("file", 3), ["confirm 3"]],
			],
		},
		{
			what: "the same token again is nothing new",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[1, TOKEN(1), []],
				[2, WRITTEN("file", 1), []],
				[3, WRITTEN("program", 1), ["confirm 1"]],
				[4, TOKEN(1), []],
			],
		},
		{
			what: "a foreign login there: step back, say so, wait for a person, and hold up nobody",
			story: [
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[1, STEPPED_BACK("file", 1), ["sink-paused file: foreign"]],
				[2, WRITTEN("program", 1), ["confirm 1"]],
				[3, TOKEN(2), ["write program 2"]],
				[4, WRITTEN("program", 2), ["confirm 2"]],
				[5, RESUMED, ["write file 2"]],
				[6, WRITTEN("file", 2), []],
			],
		},
		{
			what: "late or foreign news of a write changes nothing",
			story: [
				[0, WRITTEN("file", 1), []],
				[0, TOKEN(1), ["write file 1", "write program 1"]],
				[1, WRITTEN("file", 2), []],
				[2, WRITTEN("nobody", 1), []],
				[3, FAILED("file", 2), []],
				[4, WRITTEN("file", 1), []],
				[5, FAILED("file", 1), []],
				[6, WRITTEN("program", 1), ["confirm 1"]],
			],
		},
	])("$what", ({ story }) => {
		const { asked } = play(story.map(([at, event]) => [at, event]));
		expect(asked).toEqual(story.map(([, , wanted]) => wanted));
	});

	test("with no sinks at all a token is confirmed at once", () => {
		expect(play([[0, TOKEN(1)]], []).asked).toEqual([["confirm 1"]]);
	});
});

describe("when next", () => {
	test("never without a token, with every sink served, busy or paused", () => {
		expect(nextPublish(startPublish(["file"]))).toBe(Number.POSITIVE_INFINITY);
		const busy = play([[0, TOKEN(1)]]);
		expect(nextPublish(busy.state)).toBe(Number.POSITIVE_INFINITY);
		const paused = play(
			[
				[0, TOKEN(1)],
				[1, STEPPED_BACK("file", 1)],
			],
			["file"],
		);
		expect(nextPublish(paused.state)).toBe(Number.POSITIVE_INFINITY);
	});

	test("at the earliest attempt that waits", () => {
		const { state } = play([
			[0, TOKEN(1)],
			[100, FAILED("file", 1)],
			[200, FAILED("program", 1)],
		]);
		expect(nextPublish(state)).toBe(100 + SINK_BACKOFF[0]);
	});
});

describe("in every order of events", () => {
	const generation = fc.integer({ min: 1, max: 3 });
	const sink = fc.constantFrom("file", "program");
	const events = fc.array(
		fc.tuple(
			fc.integer({ min: 0, max: 70_000 }),
			fc.oneof(
				generation.map(TOKEN),
				fc.tuple(sink, generation).map(([name, of]) => WRITTEN(name, of)),
				fc.tuple(sink, generation).map(([name, of]) => FAILED(name, of)),
				fc.tuple(sink, generation).map(([name, of]) => STEPPED_BACK(name, of)),
				fc.constantFrom(TICK, RESUMED),
			),
		),
		{ maxLength: 40 },
	);

	test("only the newest token is written, one write at a time for each sink, and only it is confirmed", () =>
		fc.assert(
			fc.property(events, (story) => {
				let now = 0;
				let state = startPublish(["file", "program"]);
				for (const [after, event] of story) {
					now += after;
					const before = state;
					const decision = decidePublish(state, event, now);
					state = decision.state;
					expect(JSON.stringify(decision.effects)).not.toContain("CANARY");
					expect(nextPublish(state)).toBeGreaterThan(now);
					for (const effect of decision.effects) {
						if (effect.type === "confirm") expect(effect.access).toBe(state.token?.accessFp);
						if (effect.type !== "write-sink") continue;
						expect(effect.token).toBe(state.token);
						const busy = before.sinks[effect.sink]?.writing;
						const ended = "access" in event && event.access === busy && event.sink === effect.sink;
						expect(busy === undefined || ended).toBe(true);
					}
				}
			}),
		));
});
