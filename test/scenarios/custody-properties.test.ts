/**
 * What holds of the custodian in every story, also the absurd ones: stories are made by chance, told in
 * the words of the transcripts, and shown so when one fails.
 */
import { type CustodyRecord, type Phase, servedToken } from "@baton/core/custody-state";
import type { CustodyEffect } from "@baton/core/effect";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import { nextWake } from "@baton/core/plan-custody";
import { hasFaded, isUsedUp } from "@baton/core/remembered-past";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BEGINNING, CANARY, nameOf } from "./cast.ts";
import { CustodianActor } from "./custodian-actor.ts";
import { Story } from "./story.ts";

type Ending = "well" | "badly" | "refused" | "silent" | "other";

/** A command of the transcripts, or how the operation under way ends. */
type Move = { readonly after: number } & (
	| { readonly say: string }
	| { readonly ending: Ending }
	| { readonly wake: true }
);

const after = fc.constantFrom(
	0,
	0,
	0,
	0,
	1_000,
	61_000,
	130_000,
	3_600_000,
	8 * 3_600_000,
	-7_200_000,
);
const login = fc.constantFrom("A0", "B0", "C0", "A1", "B1");
const device = fc.constantFrom("", " from laptop", " from desktop");
const witness = fc.oneof(
	{ weight: 4, arbitrary: fc.constant("") },
	{
		weight: 1,
		arbitrary: fc.constantFrom(" witness A=1", " witness A=9", " witness B=2", " witness B=0"),
	},
	{ weight: 1, arbitrary: fc.constantFrom(" witness A=99 forged", " holding A0 holding A1") },
);
const say = fc.oneof(
	fc
		.tuple(
			fc.constantFrom("offer", "offer", "custody", "withdraw", "erased"),
			login,
			device,
			witness,
		)
		.map(([type, name, from, more]) => `${type} ${name}${from}${more}`),
	fc.tuple(login, device).map(([name, from]) => `offer ${name}${from} replace`),
	fc.tuple(login, device).map(([name, from]) => `deliver ${name}${from}`),
	fc.tuple(login, device).map(([name, from]) => `deliver ${name}${from}`),
	fc.constantFrom("tick", "start", "start", "clock jumped", "refresh asked", "status"),
	fc.constantFrom("refresh asked force", "revoke asked"),
	fc.constantFrom(
		"import A0 from /f",
		"import B0 from /f replace",
		"import C0 from /g",
		"import s0",
	),
	fc.constantFrom("offer s0", "deliver s0", "sinks hold a1", "deliver A0 nonce 1"),
);
const ending = fc.constantFrom<Ending>(
	"well",
	"well",
	"well",
	"badly",
	"refused",
	"silent",
	"other",
);
const moves = fc.array(
	fc.oneof<fc.Arbitrary<Move>[]>(
		fc.record({ after, say }),
		fc.record({ after, ending }),
		fc.record({ after, ending }),
		fc.record({ after: fc.constant(0), wake: fc.constant(true as const) }),
	),
	{ maxLength: 60, size: "max" },
);

class CustodyStory extends Story<CustodianActor> {
	#rotations = 1;

	constructor(beginning = "start") {
		super(new CustodianActor(), [beginning]);
	}

	/** @returns what was asked for, or undefined where the move has no sense */
	play(move: Move): { before: CustodyRecord; effects: readonly CustodyEffect[] } | undefined {
		const line = this.#line(move);
		if (line === undefined) return undefined;
		const before = this.actor.state.record;
		return { before, effects: this.say(line, move.after) };
	}

	#line(move: Move): string | undefined {
		if ("say" in move) return move.say;
		return "wake" in move ? "wake" : this.#end(move.ending);
	}

	/** How an operation of this kind ends in this way. */
	#end(ending: Ending): string | undefined {
		const { operation } = this.actor.state.run;
		const rotated = () => {
			this.#rotations += 1;
			return `D${this.#rotations}`;
		};
		switch (operation?.kind) {
			case "probe":
			case "learn": {
				const outcomes = { well: "good", badly: "dead", other: "good as you" };
				return `probed ${outcomes[ending as "well"] ?? "unknown"}`;
			}
			case "prove":
				return `sinks proved ${ending === "well" ? 2 : ending === "other" ? 1 : 0} of 2`;
			case "disarm":
				return `source ${ending === "well" ? "disarmed" : ending === "other" ? "changed" : ending === "silent" ? "unsure" : "locked"}`;
			case "harvest":
				return `harvested ${ending === "other" ? rotated() : "nothing"}`;
			case "refresh":
				if (ending === "well") return `refreshed to ${rotated()}`;
				if (ending === "other") return `refreshed to ${rotated().toLowerCase()}`;
				if (ending === "badly") return "refresh dead";
				return ending === "silent" ? "refresh had no reply" : "refresh refused server";
			case "revoke":
				if (ending === "well") return "logged out";
				return ending === "badly" ? "logout impossible" : "logout failed";
			case "void":
				return "probed unknown";
			default:
				return undefined;
		}
	}
}

/** Plays a story and holds the check against every move of it. */
function tell(
	played: readonly Move[],
	check: (story: CustodyStory, move: Move) => void,
	beginning?: string,
): CustodyStory {
	const story = new CustodyStory(beginning);
	return story.tell(played, (move) => check(story, move));
}

/** Always the same stories, so that a red test stays red; another seed tells others. */
const SEED = 20261121;
const RUNS = { numRuns: 400, seed: SEED };
const STARTED = ["probe", "prove-sinks", "harvest", "disarm-source", "refresh", "revoke"];

test("persist comes first, one operation runs at once, and the next instant lies ahead", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const busy = story.actor.state.run.operation !== undefined;
				const done = story.play(move);
				if (done === undefined) return;
				const types = done.effects.map(({ type }) => type);
				expect(types.lastIndexOf("persist")).toBeLessThanOrEqual(0);
				const started = types.filter((type) => STARTED.includes(type));
				const ends = "ending" in move || ("say" in move && move.say === "start");
				expect(started.length).toBeLessThanOrEqual(busy && !ends ? 0 : 1);
				const { state } = story.actor;
				expect(nextWake(state, BEGINNING + story.now)).toBeGreaterThan(BEGINNING + story.now);
			});
		}),
		RUNS,
	));

test("each warning of a login's end is given once, the nearer ones later", async () => {
	let given = 0;
	await fc.assert(
		fc.property(moves, (played) => {
			const last = new Map<string, number>();
			tell(played, (story, move) => {
				for (const effect of story.play(move)?.effects ?? []) {
					if (effect.type !== "note" || effect.what !== "deadline-near") continue;
					const { lineageId = "", reason = "" } = effect;
					const days = Number.parseInt(reason, 10);
					expect(days).toBeLessThan(last.get(lineageId) ?? Number.POSITIVE_INFINITY);
					last.set(lineageId, days);
					given += 1;
				}
			});
		}),
		{ ...RUNS, numRuns: 150 },
	);
	// A rule that nothing puts to the test shows nothing.
	expect(given).toBeGreaterThan(20);
});

test("only what is durable is published, and no refresh is sent without its intent", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				if (done === undefined) return;
				const persisted = done.effects.find((effect) => effect.type === "persist");
				const durable = persisted?.type === "persist" ? persisted.record : done.before;
				for (const effect of done.effects) {
					if (effect.type === "publish") {
						const held = [durable.current, durable.staged].map((lineage) => lineage?.session);
						expect(held).toContain(effect.token.session);
					}
					if (effect.type === "refresh") {
						const lineage = durable[effect.role];
						expect(fingerprint(effect.session.refreshToken)).toBe(lineage?.fp);
						expect(intentsOf(lineage?.phase)).toContain(BEGINNING + story.now);
					}
				}
			});
		}),
		RUNS,
	));

/** When the open intent and the late try were journaled. */
function intentsOf(phase: Phase | undefined): (number | undefined)[] {
	if (phase?.name === "refreshing") return [phase.intent.at];
	return phase?.name === "in-doubt" ? [phase.lateTryAt] : [];
}

test("a token whose use is doubtful is tried once more at most; a retired or spent one never", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const doubtful = new Map<Fingerprint, number>();
			let sent: Fingerprint | undefined;
			tell(played, (story, move) => {
				const { operation, harvested } = story.actor.state.run;
				const done = story.play(move);
				if (done === undefined) return;
				const { record } = story.actor.state;
				const ends = "ending" in move ? move.ending : undefined;
				if (operation?.kind === "refresh" && sent !== undefined && ends !== undefined) {
					// Surely not used up: it is as if nothing had been sent.
					if (ends === "refused") doubtful.set(sent, (doubtful.get(sent) ?? 1) - 1);
					if (ends === "well" || ends === "other") doubtful.delete(sent);
				}
				if (operation?.kind === "harvest" && ends === "other") {
					expect(harvested[operation.role].done).toBe(false);
					doubtful.delete(done.before[operation.role]?.fp ?? "");
				}
				for (const effect of done.effects) {
					if (effect.type === "note" && effect.what === "not-spent")
						doubtful.delete(effect.fp ?? "");
					if (effect.type !== "refresh") continue;
					sent = fingerprint(effect.session.refreshToken);
					const was = record.past[sent]?.was;
					expect(["retired", "spent", "withdrawn", "not-taken"]).not.toContain(was);
					expect(hasFaded(record, sent)).toBe(false);
					const times = (doubtful.get(sent) ?? 0) + 1;
					doubtful.set(sent, times);
					expect(times, nameOf(sent)).toBeLessThanOrEqual(2);
					if (times === 2) expect(record[effect.role]?.phase.name).toBe("in-doubt");
				}
			});
		}),
		RUNS,
	));

test("generations only rise, and what is past is never staged", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				if (done === undefined) return;
				const { record } = story.actor.state;
				for (const [lineageId, generation] of Object.entries(done.before.lineages)) {
					expect(record.lineages[lineageId] ?? -1).toBeGreaterThanOrEqual(generation);
				}
				for (const [fp, { was }] of Object.entries(done.before.past)) {
					const is = record.past[fp]?.was;
					const settled = was === "claimed" || was === "retired" || was === "spent";
					if (!settled) continue;
					if (hasFaded(record, fp)) expect(is, nameOf(fp)).toBeUndefined();
					else expect(is, nameOf(fp)).toBe(was);
				}
				const staged = record.staged?.firstFp ?? "";
				expect([record.past[staged], isUsedUp(record, staged)]).toEqual([undefined, false]);
				expect(record.current?.firstFp).not.toBe(staged);
			});
		}),
		RUNS,
	));

test("an imported login is spent only once its file is disarmed, and then never let go of unclaimed", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				if (done === undefined) return;
				const { staged } = story.actor.state.record;
				const spends = done.effects.some(
					(effect) => effect.type === "refresh" && effect.role === "staged",
				);
				const { path, state } = staged?.imported ?? {};
				if (spends) expect(path === undefined || state === "disarmed").toBe(true);
				const before = done.before.staged;
				if (before?.imported?.state !== "disarmed" || before.phase.name !== "staged") return;
				if (before.session.kind === "setup-token") return;
				const { past } = story.actor.state.record;
				const was = past[before.firstFp];
				const letGo = was?.was === "withdrawn" || was?.was === "not-taken";
				expect(letGo, before.firstFp).toBe(false);
			});
		}),
		RUNS,
	));

test("rolled back or in need of a login, nothing of it is spent", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const phase = story.actor.state.record.current?.phase.name;
				const done = story.play(move);
				if (done === undefined || (phase !== "rolled-back" && phase !== "needs-login")) return;
				const spends = done.effects.some(
					(effect) => effect.type === "refresh" && effect.role === "current",
				);
				expect(spends).toBe(false);
			});
		}),
		RUNS,
	));

const HELD = "given A is held";

test("once a login is revoked nothing of it is spent or served, and only another one takes its place", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const revoked = new Set<string>();
			tell(
				played,
				(story, move) => {
					const done = story.play(move);
					if (done === undefined) return;
					const { record } = story.actor.state;
					const { current } = record;
					const served = servedToken(record, BEGINNING + story.now);
					expect(revoked.has(served?.lineageId ?? "")).toBe(false);
					for (const effect of done.effects) {
						const isOf = (lineageId: string | undefined) => revoked.has(lineageId ?? "");
						if (effect.type === "refresh") {
							expect(isOf(story.actor.state.record[effect.role]?.lineageId)).toBe(false);
						}
						if (effect.type === "publish") expect(isOf(effect.token.lineageId)).toBe(false);
					}
					if (current !== undefined && revoked.has(current.lineageId)) {
						expect(["revoking", "needs-login"]).toContain(current.phase.name);
					}
					if (current?.phase.name === "revoking") revoked.add(current.lineageId);
				},
				HELD,
			);
		}),
		RUNS,
	));

test("no effect shows a token", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const { actor } = tell(played, (story, move) => {
				story.play(move);
			});
			expect(JSON.stringify(actor.effects)).not.toContain(CANARY);
		}),
		{ numRuns: 150, seed: SEED },
	));

test("left alone with a provider that says one thing for ever, it does not spin", () =>
	fc.assert(
		fc.property(moves, fc.array(ending, { minLength: 1, maxLength: 3 }), (played, endings) => {
			const story = tell(played, (one, move) => {
				one.play(move);
			});
			const from = story.now;
			const sofar = story.told.length;
			for (let step = 0; step < 200; step += 1) {
				const { operation } = story.actor.state.run;
				if (operation === undefined) story.play({ after: 0, wake: true });
				else story.play({ after: 0, ending: endings[step % endings.length] ?? "silent" });
				if (story.told.at(-1) === "  nothing is due") return;
			}
			const shown = story.told.slice(sofar).join("\n");
			expect(story.now - from, shown).toBeGreaterThan(10 * 60_000);
		}),
		{ numRuns: 150, seed: SEED },
	));
