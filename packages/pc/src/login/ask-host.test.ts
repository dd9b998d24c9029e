import { DAY } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Answer, StatusAnswer } from "@baton/core/protocol";
import { expect, test } from "vitest";
import { askHost, objectionTo } from "./ask-host.ts";

const NOW = 1_800_000_000_000;

function status(facts: Partial<StatusAnswer>): Answer {
	return { v: 1, id: "x", type: "status", state: "held", sinks: [], disarm: [], ...facts };
}

test.each<[string, Partial<StatusAnswer>, string | undefined]>([
	["in good order and far from its end", { deadline: NOW + 20 * DAY }, "healthy"],
	["in good order without a known end", {}, "healthy"],
	["being refreshed", { state: "refreshing", deadline: NOW + 20 * DAY }, "healthy"],
	["near its end", { deadline: NOW + 7 * DAY }, undefined],
	["in doubt", { state: "in-doubt", deadline: NOW + 20 * DAY }, undefined],
	["suspect", { state: "suspect", deadline: NOW + 20 * DAY }, undefined],
	["set back", { state: "rolled-back", deadline: NOW + 20 * DAY }, undefined],
	["gone", { state: "needs-login" }, undefined],
	["never there", { state: "none" }, undefined],
	["on its way there", { state: "staged" }, "busy"],
	["claimed, its account not named yet", { state: "verifying" }, "busy"],
	["well, but with another on its way", { stagedFp: "a".repeat(64) }, "busy"],
])("a login %s", (_what, facts, why) => {
	expect(objectionTo("myvps", status(facts), NOW)?.why).toBe(why);
});

test("how long a healthy one lasts is said, and how to replace it", () => {
	expect(objectionTo("myvps", status({ deadline: NOW + 20 * DAY }), NOW)?.error).toMatchObject({
		code: "declined",
		message: expect.stringContaining("lasts 20 days yet"),
		hint: "to replace it all the same: baton login myvps --replace",
	});
});

test("a service that cannot answer is out of reach", () => {
	const answer: Answer = { v: 1, id: "x", disarm: [], type: "unavailable", reason: "it is down" };
	const error = { code: "service-unavailable", message: "it is down; no login was made" };
	expect(objectionTo("myvps", answer, NOW)).toMatchObject({ why: "unreachable", error });
});

test("a host out of reach keeps its own hint, and every link is closed", async () => {
	let closed = 0;
	const link = {
		ask: () =>
			Promise.reject(new BatonError("host-unreachable", "cannot reach it", { hint: "look" })),
		close: () => {
			closed += 1;
		},
	};
	expect((await askHost("myvps", "default", link, NOW))?.error).toMatchObject({
		code: "host-unreachable",
		hint: "look; to log in now and hand over later: baton login myvps --anyway",
	});
	expect(closed).toBe(1);
});
