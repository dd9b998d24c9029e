import { type CustodyRecord, DEFAULT_RULES, emptyRecord } from "@baton/core/custody-state";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { fingerprint, lineageIdOf } from "@baton/core/lineage";
import type { ProbeOutcome, RefreshOutcome } from "@baton/core/oauth";
import { parseRequest, type Request } from "@baton/core/protocol";
import type { RevokeOutcome } from "@baton/core/revoke-verdict";
import { Secret } from "@baton/core/secret";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { beforeEach, describe, expect, test } from "vitest";
import { Custodian, type CustodianOptions } from "./custodian.ts";
import type { HeardNote } from "./heard-note.ts";
import { nameStatus } from "./name-status.ts";
import { whyNoToken } from "./no-token.ts";
import type { Sink } from "./sinks/sink.ts";

const LIFETIME = 8 * HOUR;
const FP = fingerprint(new Secret("r0"));

let clock: FakeClock;
/** Everything that reached the world, in order. */
let world: string[];
let diskFull: boolean;
let refreshing: { resolve(outcome: RefreshOutcome): void } | undefined;
let probes: ProbeOutcome;
let logout: RevokeOutcome;
let saved: CustodyRecord | undefined;
let lastToken: number;

beforeEach(() => {
	clock = fakeClock();
	world = [];
	diskFull = false;
	refreshing = undefined;
	probes = { kind: "good", account: "A" };
	logout = { kind: "revoked" };
	saved = undefined;
	lastToken = 0;
});

const sink: Sink = {
	name: "s",
	prove: async () => {},
	async write({ session }) {
		if (session.refreshToken !== undefined) world.push("a sink was given a refresh token");
		world.push(`sink ${session.accessToken.reveal()}`);
		return { kind: "written", disarmed: undefined };
	},
};

function makeCustodian(options: Partial<CustodianOptions> = {}): Custodian {
	return new Custodian({
		record: emptyRecord("default", "0".repeat(64)),
		rules: DEFAULT_RULES,
		engine: {
			refresh(session) {
				world.push(`refresh ${session.refreshToken.reveal()}`);
				return new Promise((resolve) => {
					refreshing = { resolve };
				});
			},
			harvest: async () => ({ kind: "nothing", endedAt: undefined }),
			settled: async () => {},
		},
		probe: async (token) => {
			world.push(`probe ${token.reveal()}`);
			return probes;
		},
		revoke: async ({ refreshToken }) => {
			world.push(`log out ${refreshToken?.reveal()}`);
			return logout;
		},
		sinks: [sink],
		store: {
			load: async () => undefined,
			async save(record) {
				if (diskFull) throw new BatonError("disk-failed", "the disk is full");
				saved = record;
				const { current, staged } = record;
				const lineage = staged ?? current;
				world.push(`save ${lineage?.phase.name} ${lineage?.generation}`);
			},
		},
		clock,
		onNote: ({ what }: HeardNote) => world.push(`note ${what}`),
		onFault: () => world.push("fault"),
		onTrouble: (trouble) => world.push(`trouble ${trouble?.reason ?? "over"}`),
		...options,
	});
}

function request(fields: object): Request {
	return parseRequest(JSON.stringify({ v: 1, id: "x", ...fields }));
}

function session() {
	return {
		accessToken: "a0",
		refreshToken: "r0",
		expiresAt: clock.now() + LIFETIME,
		scopes: ["user:inference"],
	};
}

function grant(): void {
	lastToken += 1;
	refreshing?.resolve({
		kind: "rotated",
		tokens: {
			accessToken: new Secret(`a${lastToken}`),
			refreshToken: new Secret(`r${lastToken}`),
			expiresInMs: LIFETIME,
			deadlineInMs: undefined,
			scopes: undefined,
		},
	});
	refreshing = undefined;
}

async function deliver(custodian: Custodian, more: Partial<ReturnType<typeof session>> = {}) {
	const asked = custodian.request(
		"laptop",
		request({ type: "offer", fp: FP, lineageId: lineageIdOf(FP) }),
	);
	await clock.advance(0);
	const { body } = await asked;
	if (body.type !== "accept") throw new Error(body.type);
	const { nonce } = body;
	const answer = custodian.request(
		"laptop",
		request({ type: "deliver", fp: FP, nonce, session: { ...session(), ...more } }),
	);
	await clock.advance(0);
	return answer;
}

test.each(["a0\nb", "a0\0"])(
	"a token that would end a line is not taken: %j",
	async (accessToken) => {
		const custodian = makeCustodian();
		void custodian.run();
		const { body } = await deliver(custodian, { accessToken });
		expect(body).toMatchObject({ type: "refused" });
		expect(world).toEqual([]);
	},
);

async function claimed(): Promise<Custodian> {
	const custodian = makeCustodian();
	void custodian.run();
	await deliver(custodian);
	grant();
	await clock.advance(0);
	return custodian;
}

describe("the order of effects", () => {
	test("staged, probed, proved, journaled, sent, saved, published", async () => {
		const custodian = makeCustodian();
		void custodian.run();
		await deliver(custodian);
		grant();
		await clock.advance(0);
		// What follows is learnt by looking at the replaced token, and spends nothing.
		expect(world.slice(0, 10)).toEqual([
			"save staged 0",
			"note staged",
			"probe a0",
			"save staged 0",
			"save refreshing 0",
			"refresh r0",
			"save held 1",
			"sink a1",
			"note claimed",
			"probe a0",
		]);
	});

	test("a full disk holds back the answer, the publication and the refresh", async () => {
		const custodian = makeCustodian();
		void custodian.run();
		diskFull = true;
		const answered: unknown[] = [];
		const asked = custodian.request(
			"laptop",
			request({ type: "offer", fp: FP, lineageId: lineageIdOf(FP) }),
		);
		await clock.advance(0);
		const { body } = await asked;
		if (body.type !== "accept") throw new Error(body.type);
		const { nonce } = body;
		const sent = request({ type: "deliver", fp: FP, nonce, session: session() });
		void custodian.request("laptop", sent).then((reply) => answered.push(reply.body.type));
		await clock.advance(MINUTE);
		expect(answered).toEqual([]);
		expect(world).toEqual(["trouble the disk is full"]);
		expect(custodian.view()).toMatchObject({
			trouble: { reason: "the disk is full" },
			unsaved: false,
		});
		expect(custodian.served()).toBeUndefined();
		diskFull = false;
		await clock.advance(5 * SECOND);
		expect(answered).toEqual(["staged"]);
		expect(world.slice(1, 4)).toEqual(["save staged 0", "trouble over", "note staged"]);
		expect(custodian.view().trouble).toBeUndefined();
	});

	test("a rotation that cannot be saved is neither shown nor served until it is", async () => {
		const custodian = await claimed();
		await clock.advance(6.5 * HOUR);
		expect(refreshing).toBeDefined();
		diskFull = true;
		grant();
		await clock.advance(MINUTE);
		expect(custodian.view().record.current?.generation).toBe(1);
		expect(custodian.served()?.generation).toBe(1);
		expect(custodian.view().unsaved).toBe(true);
		expect(world).not.toContain("sink a2");
		diskFull = false;
		await clock.advance(5 * SECOND);
		expect(custodian.served()?.generation).toBe(2);
		expect(custodian.view().unsaved).toBe(false);
		expect(world).toContain("sink a2");
	});
});

test("a refresh whose intent took long to journal is not sent under that date", async () => {
	const custodian = await claimed();
	await clock.advance(5 * HOUR);
	world = [];
	diskFull = true;
	await clock.advance(2 * HOUR);
	expect(world).toContain("trouble the disk is full");
	diskFull = false;
	await clock.advance(5 * SECOND);
	expect(world).not.toContain("refresh r1");
	await clock.advance(MINUTE);
	expect(world).toContain("refresh r1");
	const { phase } = custodian.view().record.current ?? {};
	if (phase?.name !== "refreshing") throw new Error(phase?.name);
	expect(clock.now() - phase.intent.at).toBeLessThan(MINUTE);
});

describe("time", () => {
	test("a token is replaced in good time, and not before", async () => {
		await claimed();
		await clock.advance(5 * HOUR);
		expect(world.filter((line) => line.startsWith("refresh"))).toHaveLength(1);
		await clock.advance(2 * HOUR);
		expect(world.filter((line) => line.startsWith("refresh"))).toEqual([
			"refresh r0",
			"refresh r1",
		]);
	});

	test("after a jump of the clock the token is probed before anything is spent", async () => {
		await claimed();
		world = [];
		clock.jump(7 * HOUR);
		await clock.advance(2 * MINUTE);
		expect(world[0]).toBe("probe a1");
		expect(world).not.toContain("refresh r1");
		await clock.advance(20 * MINUTE);
		expect(world).toContain("refresh r1");
	});

	test.each([HOUR, -HOUR, 3 * SECOND])("a jump by %d ms is noticed within a minute", async (ms) => {
		await claimed();
		world = [];
		clock.jump(ms);
		await clock.advance(MINUTE);
		// By how much it was set back is written down.
		const moved = ms < 0 ? ["save held 1", "note times-moved"] : [];
		expect(world).toEqual([...moved, "probe a1"]);
	});

	test("a clock that is set back brings the refresh forward by as much", async () => {
		await claimed();
		await clock.advance(HOUR);
		world = [];
		clock.jump(-3 * HOUR);
		await clock.advance(4.5 * HOUR);
		expect(world).not.toContain("refresh r1");
		await clock.advance(HOUR);
		expect(world).toContain("refresh r1");
	});

	test("nothing spins while there is nothing to do", async () => {
		await claimed();
		world = [];
		await clock.advance(HOUR);
		expect(world).toEqual([]);
	});
});

describe("the end", () => {
	test("comes at once when nothing is under way", async () => {
		const custodian = makeCustodian();
		const run = custodian.run();
		await clock.advance(0);
		custodian.stop();
		await clock.advance(0);
		await run;
		expect((await custodian.request("laptop", request({ type: "status" }))).body.type).toBe(
			"unavailable",
		);
	});

	test("waits for a refresh, and saves and publishes what came of it", async () => {
		const custodian = makeCustodian();
		let ended = false;
		void custodian.run().then(() => {
			ended = true;
		});
		await deliver(custodian);
		custodian.stop();
		await clock.advance(10 * SECOND);
		expect(ended).toBe(false);
		grant();
		await clock.advance(SECOND);
		expect(ended).toBe(true);
		expect(saved?.current?.generation).toBe(1);
		expect(world).toContain("sink a1");
	});

	test("a request that waits when it comes is told that nothing can be done", async () => {
		diskFull = true;
		const custodian = makeCustodian();
		const run = custodian.run();
		const first = custodian.request("laptop", request({ type: "withdraw", fp: FP }));
		const second = custodian.request("laptop", request({ type: "custody", fp: FP }));
		await clock.advance(0);
		custodian.stop();
		diskFull = false;
		await clock.advance(MINUTE);
		await run;
		expect((await first).body.type).toBe("withdrawn");
		expect((await second).body.type).toBe("unavailable");
	});

	test("what the engine has left is removed before the service ends", async () => {
		let tidied = () => {};
		const engine: CustodianOptions["engine"] = {
			refresh: async () => ({ kind: "not-sent" }),
			harvest: async () => ({ kind: "nothing", endedAt: undefined }),
			settled: () =>
				new Promise((resolve) => {
					tidied = resolve;
				}),
		};
		const custodian = makeCustodian({ engine });
		let ended = false;
		const run = custodian.run().then(() => {
			ended = true;
		});
		custodian.stop();
		await clock.advance(5 * SECOND);
		expect(ended).toBe(false);
		tidied();
		await clock.advance(SECOND);
		await run;
	});

	test("an engine is told to let go of nothing before the outcome is on the disk", async () => {
		const R1 = fingerprint(new Secret("r1"));
		let told: string[] = [];
		const engine: CustodianOptions["engine"] = {
			refresh: () => new Promise((resolve) => (refreshing = { resolve })),
			harvest: async () => ({ kind: "nothing", endedAt: undefined }),
			async settled(durable) {
				told = [FP, R1].filter((fp) => !durable.isOpen(fp) && durable.isNewest(fp));
			},
		};
		const custodian = makeCustodian({ engine });
		void custodian.run();
		await deliver(custodian);
		diskFull = true;
		grant();
		await clock.advance(SECOND / 10);
		expect([saved?.staged?.phase.name, told]).toEqual(["refreshing", []]);
		diskFull = false;
		await clock.advance(SECOND);
		expect(told).toEqual([R1]);
	});

	test("a fault of the program ends the run, and no outcome is made up for it", async () => {
		const engine: CustodianOptions["engine"] = {
			refresh: () => Promise.reject(new TypeError("a bug")),
			harvest: async () => ({ kind: "nothing", endedAt: undefined }),
			settled: async () => {},
		};
		const custodian = makeCustodian({ engine });
		const run = custodian.run().catch((error: unknown) => error);
		await deliver(custodian);
		expect(await run).toBeInstanceOf(TypeError);
		expect(saved?.staged?.phase.name).toBe("refreshing");
	});
});

test("a device hears how the sinks fare", async () => {
	const custodian = await claimed();
	const asked = custodian.request("laptop", request({ type: "status" }));
	await clock.advance(0);
	expect((await asked).body).toMatchObject({
		type: "status",
		state: "held",
		generation: 1,
		sinks: [{ name: "s", state: "current" }],
		now: clock.now(),
	});
});

test("a request that meets a fault of the program changes nothing and ends nothing", async () => {
	const custodian = await claimed();
	const broken = { ...request({ type: "custody", fp: FP }), holds: null } as unknown as Request;
	const asked = custodian.request("laptop", broken);
	await clock.advance(0);
	expect((await asked).body.type).toBe("unavailable");
	expect(world.at(-1)).toBe("fault");
	const again = custodian.request("laptop", request({ type: "custody", fp: FP }));
	await clock.advance(0);
	expect((await again).body.type).toBe("claimed");
});

test("a token of this custody is known, whatever became of it", async () => {
	const custodian = await claimed();
	expect(custodian.knows(FP)).toBe(true);
	expect(custodian.knows(fingerprint(new Secret("r1")))).toBe(true);
	expect(custodian.knows(fingerprint(new Secret("else")))).toBe(false);
});

describe("why there is no access token", () => {
	test("none has come, one is being claimed, and then there is one", async () => {
		const custodian = makeCustodian();
		void custodian.run();
		await clock.advance(0);
		expect(whyNoToken(custodian.view())).toBe("needs-login");
		await deliver(custodian);
		expect(whyNoToken(custodian.view())).toBe("waiting");
		grant();
		await clock.advance(0);
		expect(custodian.served()).toBeDefined();
	});

	test.each<[RefreshOutcome, string, string]>([
		[{ kind: "not-sent" }, "out-of-reach", "out of reach"],
		[{ kind: "not-sent", why: "proxy" }, "out-of-reach", "proxy"],
		[{ kind: "not-sent", why: "certificate" }, "out-of-reach", "certificate"],
		[{ kind: "refused", why: "rate-limited", retryAfterMs: undefined }, "refused", "rate-limited"],
	])("the login is held, its token has ended: %j", async (outcome, reason, refusal) => {
		const custodian = await claimed();
		for (const limit = clock.now() + LIFETIME; clock.now() < limit; ) {
			refreshing?.resolve(outcome);
			refreshing = undefined;
			await clock.advance(30 * SECOND);
		}
		refreshing?.resolve(outcome);
		await clock.advance(SECOND);
		expect(custodian.served()).toBeUndefined();
		expect(whyNoToken(custodian.view())).toBe(reason);
		expect(nameStatus(custodian.view())).toMatchObject({ state: "held", refusal });
		grant();
		await clock.advance(2 * MINUTE);
		grant();
		await clock.advance(0);
		expect(nameStatus(custodian.view())).toMatchObject({ failures: 0 });
		expect(nameStatus(custodian.view())).not.toHaveProperty("refusal");
	});

	test("the provider does not say whose a claimed login is", async () => {
		const record = { ...emptyRecord("default", "0".repeat(64)), account: "A" };
		const custodian = makeCustodian({ record });
		void custodian.run();
		probes = { kind: "unknown" };
		await deliver(custodian, { expiresAt: clock.now() - 1 });
		grant();
		await clock.advance(MINUTE);
		expect(whyNoToken(custodian.view())).toBe("unanswered");
		expect(nameStatus(custodian.view())).toMatchObject({ state: "verifying", failures: 0 });
		probes = { kind: "good", account: "A" };
		await clock.advance(10 * MINUTE);
		expect(nameStatus(custodian.view())).toMatchObject({ state: "held" });
	});

	test("a login found staged at the start waits for the PC", async () => {
		const first = makeCustodian();
		void first.run();
		probes = { kind: "unknown" };
		await deliver(first);
		const second = makeCustodian({ record: saved ?? emptyRecord("default", "0".repeat(64)) });
		void second.run();
		await clock.advance(0);
		expect(whyNoToken(second.view())).toBe("needs-login");
		expect(nameStatus(second.view())).toMatchObject({ need: "none-yet", waitsForPc: true });
	});
});

describe("a sink", () => {
	const notes: HeardNote[] = [];
	beforeEach(() => void notes.splice(0));
	const onNote = (note: HeardNote) => void notes.push(note);

	async function withSink(write: Sink["write"]): Promise<void> {
		const custodian = makeCustodian({ onNote, sinks: [{ ...sink, write }] });
		void custodian.run();
		await deliver(custodian);
		grant();
		await clock.advance(0);
	}

	test("that fails is named, with what can be done", async () => {
		await withSink(() =>
			Promise.reject(new BatonError("disk-failed", "the disk is full", { hint: "make room" })),
		);
		expect(notes).toContainEqual(
			expect.objectContaining({ what: "sink-failed", sink: "s", hint: "make room" }),
		);
	});

	test("that is paused is named, with what can be done", async () => {
		await withSink(async () => ({ kind: "stepped-back", reason: "foreign" }));
		expect(notes).toContainEqual(
			expect.objectContaining({
				what: "sink-paused",
				sink: "s",
				hint: expect.stringContaining("batond adopt s takes it over"),
			}),
		);
	});
});

describe("the watchdog hears", () => {
	const ms = 10 * MINUTE;

	test("that a custodian whose loop comes round goes on", async () => {
		const custodian = makeCustodian();
		const run = custodian.run();
		await clock.advance(ms);
		expect(custodian.goesOn).toBe(true);
		custodian.stop();
		await clock.advance(MINUTE);
		await run;
	});

	test("that one whose loop has stopped does not", async () => {
		const custodian = makeCustodian();
		expect(custodian.goesOn).toBe(true);
		await clock.advance(ms);
		expect(custodian.goesOn).toBe(false);
	});
});
