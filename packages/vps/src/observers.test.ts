/** Whoever only looks changes nothing, however often: a day with observers leaves what one without leaves. */
import { DEFAULT_RULES, emptyRecord } from "@baton/core/custody-state";
import { DAY, HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { HERE } from "@baton/core/import-login";
import { fingerprint, lineageIdOf } from "@baton/core/lineage";
import { parseRequest } from "@baton/core/protocol";
import { Secret } from "@baton/core/secret";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { expect, test } from "vitest";
import { answerCustody } from "./answer-import.ts";
import { judgeCheck } from "./check-words.ts";
import { Custodian } from "./custodian.ts";
import { judgeLogin, judgeSinks } from "./doctor/custody-found.ts";
import { Metrics } from "./metrics.ts";
import { statusOf } from "./serving.ts";
import type { Sink } from "./sinks/sink.ts";
import { describe as describeStatus } from "./status.ts";

const FP = fingerprint(new Secret("r0"));

interface World {
	readonly clock: FakeClock;
	readonly custodian: Custodian;
	/** Everything that reached the disk, the provider and the sinks, in order. */
	readonly trace: string[];
}

/** @param lifetime of each access token, ms */
async function worldWith(lifetime: number): Promise<World> {
	const clock = fakeClock();
	const trace: string[] = [];
	let rotations = 0;
	const sink: Sink = {
		name: "s",
		prove: async () => void trace.push("prove"),
		look: async () => {
			return "fine";
		},
		async write({ session }) {
			trace.push(`write ${session.accessToken.reveal()}`);
			return { kind: "written", disarmed: undefined };
		},
	};
	const custodian = new Custodian({
		record: emptyRecord("default", "0".repeat(64)),
		rules: DEFAULT_RULES,
		engine: {
			async refresh(session) {
				trace.push(`refresh ${session.refreshToken.reveal()}`);
				rotations += 1;
				return {
					kind: "rotated",
					tokens: {
						accessToken: new Secret(`a${rotations}`),
						refreshToken: new Secret(`r${rotations}`),
						expiresInMs: lifetime,
						deadlineInMs: undefined,
						scopes: undefined,
					},
				};
			},
			harvest: async () => ({ kind: "nothing", endedAt: undefined }),
			settled: async () => {},
		},
		probe: async (token) => {
			trace.push(`probe ${token.reveal()}`);
			return { kind: "good", account: "A" };
		},
		revoke: async () => ({ kind: "revoked" }),
		sinks: [sink],
		store: {
			load: async () => undefined,
			save: async ({ current, staged }) =>
				void trace.push(`save ${(staged ?? current)?.phase.name} ${current?.generation}`),
		},
		clock,
		onNote: ({ what }) => void trace.push(`note ${what}`),
		onFault: () => void trace.push("fault"),
		onTrouble: () => void trace.push("trouble"),
	});
	void custodian.run();
	await deliver(custodian, clock, lifetime);
	return { clock, custodian, trace };
}

async function deliver(custodian: Custodian, clock: FakeClock, lifetime: number): Promise<void> {
	const ask = async (fields: object) => {
		const line = JSON.stringify({ v: 1, id: "x", fp: FP, ...fields });
		const asked = custodian.request("laptop", parseRequest(line));
		await clock.advance(0);
		return (await asked).body;
	};
	const offer = await ask({ type: "offer", lineageId: lineageIdOf(FP) });
	const session = {
		accessToken: "a0",
		refreshToken: "r0",
		expiresAt: clock.now() + lifetime,
		scopes: ["user:inference"],
	};
	await ask({ type: "deliver", nonce: "nonce" in offer ? offer.nonce : "", session });
	await clock.advance(SECOND);
}

/** What `status`, `check`, `doctor` and `token` do in the service. */
function observe({ custodian, clock }: World): void {
	const now = clock.now();
	const status = statusOf(custodian);
	const service = {
		v: 1,
		type: "status",
		version: "0",
		now,
		tokenUrl: "https://p.example/t",
	} as const;
	describeStatus({ ...service, names: [status] });
	judgeCheck(status, { now, withinMs: 2 * HOUR, fix: undefined });
	judgeLogin(status, now);
	judgeSinks(status, now);
	custodian.served();
}

/** What goes through the custodian's own queue: the doctor's question for a copy, a PC's for the status. */
function ask({ custodian }: World): void {
	void answerCustody(FP, custodian);
	void custodian.request(HERE, parseRequest(JSON.stringify({ v: 1, id: "s", type: "status" })));
}

/** A look for each second, and a scrape for each fifteenth; the clock is turned by the minute. */
async function dayOf(world: World, looksPerMinute: number): Promise<void> {
	const metrics = new Metrics(["default"]);
	for (let at = 0; at < DAY; at += MINUTE) {
		for (let look = 0; look < looksPerMinute; look += 1) observe(world);
		for (let scrape = 0; scrape < looksPerMinute / 15; scrape += 1) {
			await metrics.text([statusOf(world.custodian)], world.clock.now());
		}
		ask(world);
		await world.clock.advance(MINUTE);
	}
}

test("a day of looks each second: 0 refreshes, 0 spent, 0 writes, where none is due", async () => {
	const world = await worldWith(40 * HOUR);
	expect(world.trace.filter((line) => line.startsWith("refresh"))).toEqual(["refresh r0"]);
	world.trace.length = 0;
	await dayOf(world, 60);
	expect(world.trace).toEqual([]);
}, 300_000);

test("and where some are due, as many, and everything else just the same", async () => {
	const [silent, looked] = [await worldWith(8 * HOUR), await worldWith(8 * HOUR)];
	await silent.clock.advance(DAY);
	await dayOf(looked, 1);
	expect(looked.trace.filter((line) => line.startsWith("refresh")).length).toBeGreaterThan(3);
	expect(looked.trace).toEqual(silent.trace);
}, 300_000);
