import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SINK_BACKOFF } from "./backoff.ts";
import type { ServedToken } from "./custody-state.ts";
import { decidePublish, nextWrite } from "./decide-publish.ts";
import { HOUR, MINUTE } from "./duration.ts";
import { fingerprint } from "./lineage.ts";
import type { PublishEffect, PublishEvent } from "./publish-event.ts";
import { type PublishState, type SinkLook, startPublish } from "./publish-state.ts";
import { Secret } from "./secret.ts";
import { parseEntry } from "./session.ts";
import { nextLook } from "./settle-look.ts";

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
	looks: readonly string[] = [],
): { state: PublishState; asked: string[][] } {
	let state = startPublish({ sinks, looks, lookEvery: MINUTE });
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
		case "look-at-sink":
			return `look ${effect.sink} ${effect.token?.generation ?? "none"}`;
		case "clear-sink":
			return `clear ${effect.sink}`;
		case "confirm":
			return `confirm ${[1, 2, 3].find((generation) => accessFp(generation) === effect.access)}`;
		case "note":
			return [`${effect.what} ${effect.sink}`, effect.reason ?? []].flat().join(": ");
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
const LOOKED = (seen: SinkLook, generation?: number): PublishEvent => ({
	type: "looked",
	sink: "file",
	access: generation === undefined ? undefined : accessFp(generation),
	seen,
});

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
				[7, TOKEN(2), ["write file 2"]],
				[8, FAILED("file", 2), []],
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
				[5, LOOKED("changed", 2), ["sink-resumed file", "write file 2"]],
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

describe("looks", () => {
	/** One sink that can be looked at, holding token 1 since 0. */
	const SERVED: Row["story"] = [
		[0, TOKEN(1), ["write file 1"]],
		[0, WRITTEN("file", 1), ["confirm 1"]],
	];

	test.each<Row>([
		{
			what: "come at their time, one at a time",
			story: [
				...SERVED,
				[MINUTE - 1, TICK, []],
				[MINUTE, TICK, ["look file 1"]],
				[2 * MINUTE, TICK, []],
				[2 * MINUTE, LOOKED("fine", 1), []],
				[3 * MINUTE - 1, TICK, []],
				[3 * MINUTE, TICK, ["look file 1"]],
			],
		},
		{
			what: "come before any token, and tell of a login that is there already",
			story: [
				[0, TICK, ["look file none"]],
				[1, LOOKED("foreign"), ["sink-paused file: foreign"]],
				[2, TOKEN(1), ["look file 1", "confirm 1"]],
				[3, LOOKED("foreign", 1), []],
				[4 + MINUTE, TICK, ["look file 1"]],
			],
		},
		{
			what: "without a token, what anybody put there is nobody's matter",
			story: [
				[0, TICK, ["look file none"]],
				[1, LOOKED("changed"), []],
				[2, TOKEN(1), ["write file 1"]],
			],
		},
		{
			what: "a login made there is said once, and the token given again when it is gone",
			story: [
				...SERVED,
				[MINUTE, TICK, ["look file 1"]],
				[MINUTE, LOOKED("foreign", 1), ["sink-paused file: foreign"]],
				[2 * MINUTE, TICK, ["look file 1"]],
				[2 * MINUTE, LOOKED("foreign", 1), []],
				[2 * MINUTE, TOKEN(2), ["look file 2", "confirm 2"]],
				[2 * MINUTE, LOOKED("foreign", 2), []],
				[3 * MINUTE, TICK, ["look file 2"]],
				[3 * MINUTE, LOOKED("changed", 2), ["sink-resumed file", "write file 2"]],
				[3 * MINUTE, WRITTEN("file", 2), []],
			],
		},
		{
			what: "a logout is said, and a login after it too",
			story: [
				...SERVED,
				[MINUTE, LOOKED("logged-out", 1), ["sink-paused file: logged-out"]],
				[2 * MINUTE, LOOKED("foreign", 1), ["sink-paused file: foreign"]],
				[3 * MINUTE, LOOKED("unreadable", 1), []],
				[4 * MINUTE, LOOKED("changed", 1), ["sink-resumed file", "write file 1"]],
			],
		},
		{
			what: "a paused sink that turns out to hold the very token resumes with it",
			story: [
				...SERVED,
				[MINUTE, LOOKED("not-ours", 1), ["sink-paused file: not-ours"]],
				[2 * MINUTE, LOOKED("fine", 1), ["sink-resumed file"]],
				[3 * MINUTE, TICK, ["look file 1"]],
			],
		},
		{
			what: "what somebody else wrote gives way; who goes on doing so is named once",
			story: [
				...SERVED,
				[MINUTE, LOOKED("changed", 1), ["sink-changed file", "write file 1"]],
				[MINUTE, WRITTEN("file", 1), []],
				[2 * MINUTE, LOOKED("changed", 1), ["write file 1"]],
				[2 * MINUTE, WRITTEN("file", 1), []],
				[3 * MINUTE, LOOKED("fine", 1), []],
				[4 * MINUTE, LOOKED("changed", 1), ["sink-changed file", "write file 1"]],
			],
		},
		{
			what: "one that cannot be read is found out about, and named, by a write",
			story: [
				...SERVED,
				[MINUTE, LOOKED("unreadable", 1), ["write file 1"]],
				[MINUTE, FAILED("file", 1), ["sink-failed file: disk full"]],
			],
		},
		{
			what: "news that a write or a token has overtaken are none",
			story: [
				...SERVED,
				[1, TOKEN(2), ["write file 2"]],
				[2, LOOKED("changed", 2), []],
				[2, LOOKED("foreign", 2), []],
				[3, WRITTEN("file", 2), ["confirm 2"]],
				[4, LOOKED("changed", 1), []],
				[5, LOOKED("foreign"), []],
			],
		},
		{
			what: "one that waits for its next attempt is not hurried by a look, but paused by one",
			story: [
				[0, TOKEN(1), ["write file 1"]],
				[0, FAILED("file", 1), ["sink-failed file: disk full"]],
				[1, LOOKED("changed", 1), []],
				[2, LOOKED("unreadable", 1), []],
				[3, LOOKED("foreign", 1), ["sink-paused file: foreign", "confirm 1"]],
			],
		},
		{
			what: "a clock that steps back puts off neither a look nor an attempt for long",
			story: [
				[5 * HOUR, TOKEN(1), ["write file 1"]],
				[5 * HOUR, WRITTEN("file", 1), ["confirm 1"]],
				[HOUR, TICK, ["look file 1"]],
				[HOUR, LOOKED("unreadable", 1), ["write file 1"]],
				[HOUR, FAILED("file", 1), ["sink-failed file: disk full"]],
				[0, TICK, ["write file 1"]],
			],
		},
	])("$what", ({ story }) => {
		const events = story.map(([at, event]) => [at, event] as const);
		expect(play(events, ["file"], ["file"]).asked).toEqual(story.map(([, , wanted]) => wanted));
	});

	test("are next due a while after the last, and never for a sink that cannot be looked at", () => {
		const events = [
			[0, TOKEN(1)],
			[5, WRITTEN("file", 1)],
			[9, WRITTEN("program", 1)],
		] as const;
		expect(nextLook(play(events, undefined, ["file"]).state)).toBe(5 + MINUTE);
		expect(nextLook(play(events).state)).toBe(Number.POSITIVE_INFINITY);
	});
});

describe("when next", () => {
	test("never without a token, with every sink served, busy or paused", () => {
		expect(nextWrite(play([], ["file"]).state)).toBe(Number.POSITIVE_INFINITY);
		const busy = play([[0, TOKEN(1)]]);
		expect(nextWrite(busy.state)).toBe(Number.POSITIVE_INFINITY);
		const paused = play(
			[
				[0, TOKEN(1)],
				[1, STEPPED_BACK("file", 1)],
			],
			["file"],
		);
		expect(nextWrite(paused.state)).toBe(Number.POSITIVE_INFINITY);
	});

	test("at the earliest attempt that waits", () => {
		const { state } = play([
			[0, TOKEN(1)],
			[100, FAILED("file", 1)],
			[200, FAILED("program", 1)],
		]);
		expect(nextWrite(state)).toBe(100 + SINK_BACKOFF[0]);
	});
});

describe("in every order of events", () => {
	const generation = fc.integer({ min: 1, max: 3 });
	const sink = fc.constantFrom("file", "program");
	const seen = fc.constantFrom<SinkLook>(
		"fine",
		"changed",
		"unreadable",
		"foreign",
		"logged-out",
		"not-ours",
	);
	const events = fc.array(
		fc.tuple(
			fc.integer({ min: 0, max: 70_000 }),
			fc.oneof(
				generation.map(TOKEN),
				fc.tuple(sink, generation).map(([name, of]) => WRITTEN(name, of)),
				fc.tuple(sink, generation).map(([name, of]) => FAILED(name, of)),
				fc.tuple(sink, generation).map(([name, of]) => STEPPED_BACK(name, of)),
				fc.tuple(seen, generation).map(([what, of]) => LOOKED(what, of)),
				fc.constantFrom(TICK, LOOKED("foreign"), LOOKED("changed")),
			),
		),
		{ maxLength: 40 },
	);

	test("only the newest token is written, one write at a time for each sink, and only it is confirmed", () =>
		fc.assert(
			fc.property(events, (story) => {
				let now = 0;
				let { state } = play([], undefined, ["file"]);
				for (const [after, event] of story) {
					now += after;
					const before = state;
					const decision = decidePublish(state, event, now);
					state = decision.state;
					expect(JSON.stringify(decision.effects)).not.toContain("CANARY");
					expect(Math.min(nextWrite(state), nextLook(state))).toBeGreaterThan(now);
					for (const effect of decision.effects) {
						if (effect.type === "confirm") expect(effect.access).toBe(state.token?.accessFp);
						if (effect.type === "look-at-sink") {
							expect(effect.sink).toBe("file");
							expect(effect.token).toBe(state.token);
							const { looking } = before.sinks.file ?? {};
							expect(looking === true && event.type !== "looked").toBe(false);
						}
						if (effect.type !== "write-sink") continue;
						expect(effect.token).toBe(state.token);
						expect(state.sinks[effect.sink]?.paused).toBeUndefined();
						const busy = before.sinks[effect.sink]?.writing;
						const ended = "access" in event && event.access === busy && event.sink === effect.sink;
						expect(busy === undefined || ended).toBe(true);
					}
				}
			}),
		));
});
