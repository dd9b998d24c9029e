import { type CustodyRecord, DEFAULT_RULES, emptyRecord } from "@baton/core/custody-state";
import { HOUR, MINUTE, SECOND } from "@baton/core/duration";
import type { Note } from "@baton/core/effect";
import { BatonError } from "@baton/core/error";
import { fingerprint, lineageIdOf } from "@baton/core/lineage";
import type { ProbeOutcome, RefreshOutcome } from "@baton/core/oauth";
import { parseRequest, type Request } from "@baton/core/protocol";
import { Secret } from "@baton/core/secret";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { beforeEach, describe, expect, test } from "vitest";
import { Custodian, type CustodianOptions } from "./custodian.ts";
import type { Sink } from "./sinks/sink.ts";

const LIFETIME = 8 * HOUR;
const FP = fingerprint(new Secret("r0"));

let clock: FakeClock;
/** Everything that reached the world, in order. */
let world: string[];
let diskFull: boolean;
let refreshing: { resolve(outcome: RefreshOutcome): void } | undefined;
let probes: ProbeOutcome;
let saved: CustodyRecord | undefined;
let lastToken: number;

beforeEach(() => {
	clock = fakeClock();
	world = [];
	diskFull = false;
	refreshing = undefined;
	probes = { kind: "good", account: "A" };
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
			harvest: async () => undefined,
		},
		probe: async (token) => {
			world.push(`probe ${token.reveal()}`);
			return probes;
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
		onNote: ({ what }: Note) => world.push(`note ${what}`),
		onFault: () => world.push("fault"),
		onTrouble: (trouble) => world.push(`trouble ${trouble ?? "over"}`),
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

async function deliver(custodian: Custodian) {
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
		request({ type: "deliver", fp: FP, nonce, session: session() }),
	);
	await clock.advance(0);
	return answer;
}

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
		expect(world.slice(0, 9)).toEqual([
			"save staged 0",
			"note staged",
			"probe a0",
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
		expect(custodian.view()).toMatchObject({ trouble: "the disk is full" });
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
		expect(world).not.toContain("sink a2");
		diskFull = false;
		await clock.advance(5 * SECOND);
		expect(custodian.served()?.generation).toBe(2);
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
		expect(world).toContain("refresh r1");
	});

	test.each([HOUR, -HOUR, 3 * SECOND])("a jump by %d ms is noticed within a minute", async (ms) => {
		await claimed();
		world = [];
		clock.jump(ms);
		await clock.advance(MINUTE);
		expect(world).toEqual(["probe a1"]);
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

	test("a fault of the program ends the run, and no outcome is made up for it", async () => {
		const engine: CustodianOptions["engine"] = {
			refresh: () => Promise.reject(new TypeError("a bug")),
			harvest: async () => undefined,
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
