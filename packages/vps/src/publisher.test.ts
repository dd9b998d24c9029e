import { SINK_BACKOFF } from "@baton/core/backoff";
import type { ServedToken } from "@baton/core/custody-state";
import { MINUTE, SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { fingerprint } from "@baton/core/lineage";
import type { SinkLook } from "@baton/core/publish-state";
import { Secret } from "@baton/core/secret";
import { setupTokenSession } from "@baton/core/session";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { beforeEach, describe, expect, test } from "vitest";
import type { HeardNote } from "./heard-note.ts";
import { Publisher } from "./publisher.ts";
import type { Sink } from "./sinks/sink.ts";

let clock: FakeClock;
let notes: HeardNote[];
let confirmed: string[];

beforeEach(() => {
	clock = fakeClock(undefined, 0);
	notes = [];
	confirmed = [];
});

function tokenOf(text: string): ServedToken {
	const session = setupTokenSession(new Secret(text), undefined);
	const accessFp = fingerprint(session.accessToken);
	return { session, accessFp, lineageId: "a1".repeat(8), generation: 1 };
}

/** A sink in memory, whose every step can be made to go another way. */
class MemorySink implements Sink {
	readonly name: string;
	held: string | undefined;
	attempts: number[] = [];
	looks = 0;
	fault: BatonError | undefined;
	seen: SinkLook | undefined;

	constructor(name: string) {
		this.name = name;
	}

	async prove() {
		if (this.fault !== undefined) throw this.fault;
	}

	async look(token: Parameters<NonNullable<Sink["look"]>>[0]): Promise<SinkLook> {
		this.looks += 1;
		if (this.fault !== undefined) throw this.fault;
		return this.seen ?? (this.held === token?.session.accessToken.reveal() ? "fine" : "changed");
	}

	async write({ session }: Parameters<Sink["write"]>[0]) {
		this.attempts.push(clock.now());
		if (this.fault !== undefined) throw this.fault;
		this.held = session.accessToken.reveal();
		return { kind: "written", disarmed: undefined } as const;
	}
}

function publisherOf(...sinks: Sink[]): Publisher {
	return new Publisher({
		name: "default",
		sinks,
		clock,
		lookEvery: MINUTE,
		onConfirmed: (access) => confirmed.push(access),
		onNote: (note) => notes.push(note),
		onSettled: () => {},
	});
}

/** Lets time pass as the custodian does: it ticks when it is asked to. */
async function pass(publisher: Publisher, ms: number): Promise<void> {
	for (const end = clock.now() + ms; ; ) {
		await clock.advance(0);
		publisher.tick();
		await clock.advance(0);
		const wait = Math.min(publisher.wakeAt, end) - clock.now();
		if (wait <= 0 && clock.now() >= end) return;
		await clock.advance(Math.max(wait, 1));
	}
}

const FULL = new BatonError("disk-failed", "the disk is full", { hint: "make room" });

test("a sink that fails holds up no other, and is tried again by itself, less and less often", async () => {
	const [good, bad] = [new MemorySink("good"), new MemorySink("bad")];
	const publisher = publisherOf(bad, good);
	bad.fault = FULL;
	const start = clock.now();
	publisher.publish(tokenOf("sk-one"));
	await pass(publisher, 0);
	expect(good.held).toBe("sk-one");
	await pass(publisher, MINUTE);
	const waits = bad.attempts.map((at, n) => at - (bad.attempts[n - 1] ?? start));
	expect(waits).toEqual([0, ...SINK_BACKOFF.slice(0, 4)]);
	expect(good.attempts).toHaveLength(1);
	expect(confirmed).toEqual([]);
	expect(notes).toMatchObject([{ what: "sink-failed", sink: "bad", hint: "make room" }]);
	bad.fault = undefined;
	await pass(publisher, 2 * MINUTE);
	expect(bad.held).toBe("sk-one");
	expect(confirmed).toEqual([tokenOf("sk-one").accessFp]);
});

describe("a look", () => {
	let sink: MemorySink;
	let publisher: Publisher;
	beforeEach(async () => {
		sink = new MemorySink("s");
		publisher = publisherOf(sink);
		publisher.publish(tokenOf("sk-one"));
		await pass(publisher, SECOND);
	});

	test("comes once each while, and writes nothing where all is fine", async () => {
		await pass(publisher, 10 * MINUTE);
		expect(sink.looks).toBe(10);
		expect(sink.attempts).toHaveLength(1);
		expect(notes).toEqual([]);
	});

	test("says within that while that somebody logged in there, and resumes when it is settled", async () => {
		sink.seen = "foreign";
		await pass(publisher, MINUTE);
		expect(notes).toMatchObject([
			{ what: "sink-paused", level: "warn", sink: "s", reason: "foreign" },
		]);
		expect(notes[0]?.hint).toContain("batond adopt s");
		publisher.publish(tokenOf("sk-two"));
		await pass(publisher, MINUTE);
		expect(sink.held).toBe("sk-one");
		sink.seen = undefined;
		await pass(publisher, MINUTE);
		expect(sink.held).toBe("sk-two");
		expect(notes.slice(1)).toMatchObject([{ what: "sink-resumed", level: "info", sink: "s" }]);
		expect(notes[1]).not.toHaveProperty("hint");
	});

	test("gives the token again where something else was put", async () => {
		sink.held = "sk-stale";
		await pass(publisher, MINUTE);
		expect(sink.held).toBe("sk-one");
		expect(notes).toMatchObject([{ what: "sink-changed", sink: "s" }]);
	});

	test("that fails is followed by a write, which says why", async () => {
		sink.fault = FULL;
		await pass(publisher, MINUTE);
		expect(notes).toMatchObject([{ what: "sink-failed", reason: "the disk is full" }]);
	});

	test("never comes at a sink that cannot be looked at", async () => {
		const { name, prove, write } = sink;
		const blind = publisherOf({ name, prove: prove.bind(sink), write: write.bind(sink) });
		blind.publish(tokenOf("sk-two"));
		await pass(blind, MINUTE);
		expect(blind.wakeAt).toBe(Number.POSITIVE_INFINITY);
		expect(await blind.prove()).toEqual({ writable: 1, total: 1 });
	});
});

describe("a proof", () => {
	test("counts what can be written of what is wanted", async () => {
		const [good, bad] = [new MemorySink("good"), new MemorySink("bad")];
		bad.fault = FULL;
		expect(await publisherOf(good, bad).prove()).toEqual({ writable: 1, total: 2 });
	});

	test.each(["foreign", "logged-out", "not-ours"] as const)(
		"finds one that is %s before a token is spent for it, and says so",
		async (seen) => {
			const [good, theirs] = [new MemorySink("good"), new MemorySink("theirs")];
			theirs.seen = seen;
			const publisher = publisherOf(good, theirs);
			expect(await publisher.prove()).toEqual({ writable: 1, total: 1 });
			expect(notes).toMatchObject([{ what: "sink-paused", sink: "theirs", reason: seen }]);
			expect(await publisher.prove()).toEqual({ writable: 1, total: 1 });
			expect(notes).toHaveLength(1);
		},
	);

	test("of a sink that does not answer is given up, and not begun again before it has", async () => {
		const [good, hung] = [new MemorySink("good"), new MemorySink("hung")];
		const answers: (() => void)[] = [];
		hung.prove = () => new Promise((resolve) => answers.push(resolve));
		const publisher = publisherOf(good, hung);
		for (const round of [1, 2]) {
			const proof = publisher.prove();
			await clock.advance(MINUTE);
			expect([round, await proof]).toEqual([round, { writable: 1, total: 2 }]);
		}
		expect(answers).toHaveLength(1);
		expect(notes).toMatchObject([
			{ what: "sink-failed", sink: "hung", reason: "gave no answer for 30 s" },
		]);
		hung.prove = async () => {};
		answers[0]?.();
		await clock.advance(0);
		expect(await publisher.prove()).toEqual({ writable: 2, total: 2 });
		expect(publisher.reports.map(({ trouble }) => trouble)).toEqual([undefined, undefined]);
		expect(clock.sleepers).toBe(0);
	});

	test("waits for no attempt, and hurries none", async () => {
		const bad = new MemorySink("bad");
		bad.fault = FULL;
		const publisher = publisherOf(bad);
		publisher.publish(tokenOf("sk-one"));
		await pass(publisher, 0);
		for (let n = 0; n < 5; n += 1) await publisher.prove();
		expect(bad.attempts).toHaveLength(1);
		expect(notes).toHaveLength(1);
	});
});
