import { expect, test } from "vitest";
import { nextClear } from "./clear-sinks.ts";
import { decidePublish, nextWrite } from "./decide-publish.ts";
import { HOUR, MINUTE } from "./duration.ts";
import { fingerprint } from "./lineage.ts";
import type { PublishEffect, PublishEvent } from "./publish-event.ts";
import { type Clearance, type PublishState, startPublish } from "./publish-state.ts";
import { parseEntry } from "./session.ts";

const session = parseEntry({ accessToken: "CANARY-1", refreshToken: "" });
const accessFp = fingerprint(session.accessToken);
const TOKEN: PublishEvent = {
	type: "token",
	token: { session, accessFp, lineageId: "a1".repeat(8), generation: 1 },
};
const WRITTEN: PublishEvent = { type: "written", sink: "file", access: accessFp };
const CLEAR: PublishEvent = { type: "clear" };
const CLEARED = (how: Clearance): PublishEvent => ({ type: "cleared", sink: "file", how });
const FAILED: PublishEvent = { type: "clear-failed", sink: "file", why: "disk full", random: 0 };
const TICK: PublishEvent = { type: "tick" };

function play(...events: readonly (PublishEvent | readonly [at: number, event: PublishEvent])[]) {
	let state: PublishState = startPublish({ sinks: ["file"], looks: ["file"], lookEvery: MINUTE });
	let now = 0;
	const asked = events.map((one) => {
		const [at, event] = "type" in one ? [now, one] : one;
		now = at;
		const decision = decidePublish(state, event, now);
		state = decision.state;
		return decision.effects.map(text).join(", ");
	});
	return { sink: state.sinks.file, state, asked };
}

function text(effect: PublishEffect): string {
	if (effect.type === "note") return [effect.what, effect.reason ?? []].flat().join(": ");
	return effect.type;
}

test("what is held is cleared, once, and said", () => {
	const { asked, sink, state } = play(TOKEN, WRITTEN, CLEAR, CLEARED("cleared"), TICK);
	expect(asked.slice(2)).toEqual(["clear-sink", "sink-cleared", ""]);
	expect(sink).toMatchObject({ holds: undefined, generation: undefined, clearing: "cleared" });
	expect(state.token).toBeUndefined();
	expect(nextWrite(state)).toBe(Number.POSITIVE_INFINITY);
});

test("what is being written is written first, so that it is not left behind", () => {
	const { asked } = play(TOKEN, CLEAR, WRITTEN, CLEARED("cleared"));
	expect(asked).toEqual(["write-sink", "", "clear-sink", "sink-cleared"]);
});

test("a token that comes meanwhile is written after the clearing, never before or beside it", () => {
	const { asked, sink } = play(TOKEN, WRITTEN, CLEAR, TOKEN, TICK, CLEARED("cleared"), WRITTEN);
	expect(asked.slice(2)).toEqual(["clear-sink", "", "", "write-sink", "confirm"]);
	expect(sink).toMatchObject({ holds: accessFp, clearing: undefined });
});

test("a failure is said once, and tried again by the table until it is done", () => {
	const { asked, state } = play(TOKEN, WRITTEN, CLEAR, FAILED, [249, TICK], [250, TICK], FAILED);
	expect(asked.slice(2)).toEqual([
		"clear-sink",
		"sink-not-cleared: disk full",
		"",
		"clear-sink",
		"",
	]);
	expect(nextClear(state)).toBe(1_250);
	expect(nextWrite(state)).toBe(1_250);
});

test.each<[Clearance, said: string, paused: string | undefined]>([
	["nothing", "sink-held-nothing", undefined],
	["impossible", "sink-cannot-be-cleared", undefined],
	["foreign", "sink-paused: foreign", "foreign"],
	["logged-out", "sink-paused: logged-out", "logged-out"],
])("%s: said, and not tried again", (how, said, paused) => {
	const { asked, sink, state } = play(TOKEN, WRITTEN, CLEAR, CLEARED(how));
	expect(asked.at(-1)).toBe(said);
	expect(sink).toMatchObject({ clearing: how, paused });
	expect(nextClear(state)).toBe(Number.POSITIVE_INFINITY);
});

test("what is being looked at is cleared after", () => {
	const LOOKED: PublishEvent = { type: "looked", sink: "file", access: accessFp, seen: "fine" };
	const { asked } = play(TOKEN, WRITTEN, [MINUTE, TICK], CLEAR, LOOKED);
	expect(asked.slice(2)).toEqual(["look-at-sink", "", "clear-sink"]);
});

test("a clock that is set back does not put an attempt off", () => {
	const { asked } = play([HOUR, TOKEN], WRITTEN, CLEAR, FAILED, [0, TICK]);
	expect(asked.at(-1)).toBe("clear-sink");
});

test("a sink that was paused already is not told of again", () => {
	const seen: PublishEvent = {
		type: "stepped-back",
		sink: "file",
		access: accessFp,
		reason: "foreign",
	};
	const { asked, sink } = play(TOKEN, seen, CLEAR, CLEARED("foreign"));
	expect(asked.slice(2)).toEqual(["clear-sink", ""]);
	expect(sink?.paused).toBe("foreign");
});

test("an outcome nobody waits for changes nothing", () => {
	const { asked, sink } = play(TOKEN, WRITTEN, CLEARED("cleared"));
	expect(asked.at(-1)).toBe("");
	expect(sink?.holds).toBe(accessFp);
});
