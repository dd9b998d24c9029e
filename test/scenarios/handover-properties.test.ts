/**
 * What holds of the PC in every story, also the absurd ones: hosts that answer anything, stores that
 * show anything, disks that fail, crashes between any two steps.
 */
import type { HandoverEffect } from "@baton/core/effect";
import type { HandoverStep, PcRecord } from "@baton/core/handover-state";
import type { Fingerprint } from "@baton/core/lineage";
import { nextPcWake } from "@baton/core/plan-handover";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { BEGINNING, CANARY, nameOf } from "./cast.ts";
import { PcActor } from "./pc-actor.ts";
import { Story } from "./story.ts";

type Move = { readonly after: number } & (
	| { readonly say: string }
	/** What a look under the locks shows, or that they are held by another. */
	| { readonly lock: string }
	/** The outcome of what was begun under the locks, or of an erasure. */
	| { readonly done: boolean }
	| { readonly host: "east" | "west"; readonly answers: string }
	| { readonly crash: true }
	| { readonly wake: true }
);

const after = fc.constantFrom(0, 0, 0, 0, 300, 5_000, 61_000, 900_000, 86_400_000, -3_600_000);
const content = fc.constantFrom(
	...["A0", "A0", "A0", "A1", "B0", "B1", "C0 undated", "B0 by you", "blank", "blank"],
	...["left a0", "left b0", "unreadable"],
);
const store = fc.constantFrom("normal", "normal", "login:east");
const host = fc.constantFrom("east" as const, "west" as const);
const answers = fc.constantFrom(
	...["accept", "accept", "accept", "decline healthy", "decline busy", "decline retired"],
	...["claimed", "claimed at 3", "staged", "in-doubt", "unknown", "unknown", "spent"],
	...["withdrawn", "withdrawn", "not-taken dead", "unavailable", "refused", "noted"],
	...["status held of A=2", "status none need n1=none-yet", "status none need n2=none-yet"],
	...["staged disarm A0=retired", "status held disarm B0=current", "stale claimed", "no answer"],
	...["claimed about B0"],
);
const say = fc.oneof(
	fc.tuple(store, content).map(([place, shown]) => `store ${place} ${shown}`),
	fc.tuple(store, content).map(([place, shown]) => `store ${place} ${shown}`),
	fc.tuple(host, content).map(([to, shown]) => `hand over to ${to} ${shown}`),
	host.map((to) => `permit for ${to}`),
	fc.tuple(host, fc.constantFrom("", " force")).map(([to, how]) => `take back from ${to}${how}`),
	fc.constantFrom("tick", "woken"),
);
const moves = fc.array(
	fc.oneof<fc.Arbitrary<Move>[]>(
		fc.record({ after, say }),
		fc.record({ after, lock: fc.oneof(content, fc.constant("busy"), fc.constant("the same")) }),
		fc.record({ after, lock: fc.constant("the same") }),
		fc.record({ after, done: fc.constantFrom(true, true, true, false) }),
		fc.record({ after, host, answers }),
		fc.record({ after, host, answers }),
		fc.record({ after: fc.constant(0), crash: fc.constant(true as const) }),
		fc.record({ after: fc.constant(0), wake: fc.constant(true as const) }),
	),
	{ maxLength: 60, size: "max" },
);

interface Played {
	readonly before: PcRecord;
	readonly effects: readonly HandoverEffect[];
}

class PcStory extends Story<PcActor> {
	/** Escrow files on disk. */
	readonly escrows = new Set<Fingerprint>();
	/** What was begun under the locks, and the erasures, that have not ended. */
	#begun: { effect: string; fp: Fingerprint }[] = [];

	constructor() {
		super(new PcActor(), ["host east dedicated", "host west when-needed", "start"]);
	}

	play(move: Move): Played | undefined {
		const line = this.#line(move);
		if (line === undefined) return undefined;
		const before = this.actor.state.record;
		const effects = this.say(line, move.after);
		if (line.startsWith("start")) this.#begun = [];
		for (const effect of effects) this.#note(effect);
		return { before, effects };
	}

	#note(effect: HandoverEffect): void {
		if (effect.type === "write-escrow") this.escrows.add(effect.facts.fp);
		if (effect.type === "erase-escrow") this.#begun.push({ effect: "erased", fp: effect.fp });
		if (effect.type === "disarm-store") this.#begun.push({ effect: "disarmed", fp: effect.fp });
		if (effect.type === "restore-store") this.#begun.push({ effect: "restored", fp: effect.fp });
		if (effect.type === "unlock-store")
			this.#begun = this.#begun.filter((one) => one.effect === "erased");
	}

	#line(move: Move): string | undefined {
		const { lock, opening } = this.actor.state.run;
		if ("say" in move) return move.say;
		if ("wake" in move) return "wake";
		if ("crash" in move) return ["start", ...[...this.escrows].map(escrowWord)].join(" ");
		if ("done" in move) return this.#end(move.done);
		if ("host" in move) {
			const asked = this.actor.state.run.outstanding[move.host] !== undefined;
			return asked ? `${move.host}: ${move.answers}` : undefined;
		}
		if (opening !== undefined && move.lock !== "busy" && move.lock !== "the same")
			return `looked ${move.lock}`;
		if (lock === undefined || lock.held) return undefined;
		if (move.lock === "busy") return "busy";
		return `locked ${move.lock === "the same" ? nameOf(lock.fp) : move.lock}`;
	}

	/** Half of the failures come before, half after the file was touched. */
	#end(well: boolean): string | undefined {
		const begun = this.#begun.shift();
		if (begun === undefined) return undefined;
		const { effect, fp } = begun;
		if (well && effect === "erased") this.escrows.delete(fp);
		if (well) return `${effect} ${nameOf(fp)}`;
		const failed = { erased: "erase-escrow", disarmed: "disarm-store", restored: "restore-store" };
		return `failed ${failed[effect as "erased"]} ${nameOf(fp)}`;
	}
}

function escrowWord(fp: Fingerprint): string {
	return `escrow ${nameOf(fp)}`;
}

function tell(played: readonly Move[], check: (story: PcStory, move: Move) => void): PcStory {
	const story = new PcStory();
	return story.tell(played, (move) => check(story, move));
}

function stepOf(record: PcRecord, fp: Fingerprint): HandoverStep | undefined {
	return record.handovers.find((handover) => handover.fp === fp)?.step;
}

/** Always the same stories, so that a red test stays red; another seed tells others. */
const SEED = 20261121;
const RUNS = { numRuns: 400, seed: SEED };

test("persist comes before everything but letting go of the locks, and the next instant lies ahead", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				if (done === undefined) return;
				const types = done.effects
					.map(({ type }) => type)
					.filter((type) => type !== "unlock-store");
				expect(types.lastIndexOf("persist-pc")).toBeLessThanOrEqual(0);
				const now = BEGINNING + story.now;
				expect(nextPcWake(story.actor.state)).toBeGreaterThan(now);
			});
		}),
		RUNS,
	));

test("an escrow is erased only when claimed, put back, or past all use", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				for (const effect of done?.effects ?? []) {
					if (effect.type !== "erase-escrow") continue;
					const step = stepOf(story.actor.state.record, effect.fp);
					expect(["claimed", "put-back", "discarding"], nameOf(effect.fp)).toContain(step);
				}
			});
		}),
		RUNS,
	));

test("what a host said it claimed or spent is never delivered, put back or offered again", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const gone = new Set<Fingerprint>();
			tell(played, (story, move) => {
				const done = story.play(move);
				for (const effect of done?.effects ?? []) {
					if (effect.type === "restore-store")
						expect(gone, nameOf(effect.fp)).not.toContain(effect.fp);
					if (effect.type !== "send" || !("fp" in effect.request)) continue;
					if (["offer", "deliver"].includes(effect.request.type))
						expect(gone, nameOf(effect.request.fp)).not.toContain(effect.request.fp);
				}
				for (const { fp, step } of story.actor.state.record.handovers) {
					if (step === "claimed" || step === "sealed") gone.add(fp);
				}
			});
		}),
		RUNS,
	));

test("nothing is put back without the host's word or a person's force", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const free = new Set<Fingerprint>();
			tell(played, (story, move) => {
				const { handovers } = story.actor.state.record;
				if ("host" in move && /withdrawn|not-taken/.test(move.answers)) {
					const asked = story.actor.state.run.outstanding[move.host]?.fp;
					if (asked !== undefined) free.add(asked);
				}
				if ("say" in move && move.say.endsWith("force")) {
					for (const { fp } of handovers) free.add(fp);
				}
				const done = story.play(move);
				for (const effect of done?.effects ?? []) {
					if (effect.type === "restore-store") expect(free, nameOf(effect.fp)).toContain(effect.fp);
					if (effect.type === "write-escrow") free.delete(effect.facts.fp);
				}
			});
		}),
		RUNS,
	));

test("a store is touched only under its lock, and what is taken is in escrow first", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const lock = story.actor.state.run.lock;
				const done = story.play(move);
				for (const effect of done?.effects ?? []) {
					if (effect.type !== "disarm-store" && effect.type !== "restore-store") continue;
					expect(effect.store).toBe(lock?.store);
					const { record, run } = story.actor.state;
					expect(run.lock?.held).toBe(true);
					const taking = stepOf(record, effect.fp) === "taking" && run.lock?.purpose === "take";
					if (taking) expect(story.escrows, nameOf(effect.fp)).toContain(effect.fp);
				}
			});
		}),
		RUNS,
	));

test("delivered is only what is in transit and in escrow", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				for (const effect of done?.effects ?? []) {
					if (effect.type !== "send" || effect.request.type !== "deliver") continue;
					const { fp } = effect.request;
					expect(stepOf(story.actor.state.record, fp)).toBe("taken");
					expect(story.escrows, nameOf(fp)).toContain(fp);
				}
			});
		}),
		RUNS,
	));

test("one request for each host at a time", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const busy = new Set(Object.keys(story.actor.state.run.outstanding));
				const done = story.play(move);
				if ("crash" in move) busy.clear();
				if ("host" in move) busy.delete(move.host);
				for (const effect of done?.effects ?? []) {
					if (effect.type !== "send") continue;
					expect(busy).not.toContain(effect.host);
					busy.add(effect.host);
				}
			});
		}),
		RUNS,
	));

test("the witness only rises", () =>
	fc.assert(
		fc.property(moves, (played) => {
			tell(played, (story, move) => {
				const done = story.play(move);
				for (const [name, { witness }] of Object.entries(done?.before.hosts ?? {})) {
					for (const [lineageId, { generation }] of Object.entries(witness)) {
						const now = story.actor.state.record.hosts[name]?.witness[lineageId]?.generation;
						expect(now).toBeGreaterThanOrEqual(generation);
					}
				}
			});
		}),
		RUNS,
	));

test("no effect but the one that writes the escrow bears a session, and none shows a token", () =>
	fc.assert(
		fc.property(moves, (played) => {
			const { actor } = tell(played, (story, move) => {
				story.play(move);
			});
			expect(JSON.stringify(actor.effects)).not.toContain(CANARY);
			const others = actor.effects.filter(({ type }) => type !== "write-escrow");
			expect(JSON.stringify(others)).not.toContain("[secret]");
		}),
		{ numRuns: 150, seed: SEED },
	));

test("left alone with hosts and locks that say one thing for ever, it does not spin", () =>
	fc.assert(
		fc.property(
			moves,
			answers,
			fc.constantFrom("busy", "unreadable", "blank", "the same"),
			(played, said, lock) => {
				const story = tell(played, (one, move) => {
					one.play(move);
				});
				const from = story.now;
				const sofar = story.told.length;
				for (let step = 0; step < 300; step += 1) {
					const { run } = story.actor.state;
					const asked = Object.keys(run.outstanding)[0];
					if (asked !== undefined && said !== "stale claimed") {
						story.play({ after: 0, host: asked as "east", answers: said });
					} else if (run.lock !== undefined && !run.lock.held) story.play({ after: 0, lock });
					else if (story.play({ after: 0, done: step % 2 === 0 }) === undefined) {
						story.play({ after: 0, wake: true });
						if (story.told.at(-1) === "  nothing is due") return;
					}
				}
				const shown = story.told.slice(sofar).join("\n");
				expect(story.now - from, shown).toBeGreaterThan(10 * 60_000);
			},
		),
		{ numRuns: 150, seed: SEED },
	));
