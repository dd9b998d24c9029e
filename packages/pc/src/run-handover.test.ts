import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BatonError } from "@baton/core/error";
import { EMPTY_PC_RECORD, NORMAL_STORE, type PcRules } from "@baton/core/handover-state";
import { keyFile } from "@baton/io/key-source";
import { readState, writeState } from "@baton/io/state-file";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HandoverPorts } from "./effect-ports.ts";
import { type Escrow, openEscrow } from "./escrow.ts";
import type { Asking } from "./following.ts";
import { handOver, takeBack } from "./hand-over.ts";
import type { Outcome } from "./outcome.ts";
import { PC_RECORD_FORMAT } from "./pc-record.ts";
import { HandoverRunner } from "./run-handover.ts";
import { fileSource } from "./sources/file-source.ts";
import type { HeldSource, Source } from "./sources/source.ts";
import { entryOf, fpOf, quickClock, ScriptedHost, scratchFolder } from "./testing.ts";

const clock = quickClock(25);
const RULES: PcRules = {
	hosts: { myvps: { name: "default", mode: "follow-login", followLogin: "when-asked" } },
	timing: { statusEvery: 900_000 },
};
const REQUEST = {
	v: 1,
	type: "handover",
	host: "myvps",
	store: "normal",
	replace: false,
	nextLogin: false,
	follow: true,
} as const;

let folder: Awaited<ReturnType<typeof scratchFolder>>;
let host: ScriptedHost;
const at = (...names: string[]) => join(folder.path, ...names);
const credentials = () => at("claude", ".credentials.json");

beforeEach(async () => {
	folder = await scratchFolder();
	host = new ScriptedHost();
	await mkdir(at("claude"));
});
afterEach(() => folder.remove());

/** Burns through after so many steps; then nothing of that life happens any more. */
class Fuse {
	steps = 0;
	readonly #burnsAt: number;
	readonly burnt: Promise<void>;
	#burn: () => void = () => undefined;

	constructor(burnsAt = Number.POSITIVE_INFINITY) {
		this.#burnsAt = burnsAt;
		this.burnt = new Promise((resolve) => {
			this.#burn = resolve;
		});
	}

	/** The locks of a killed process go stale; that wait is not what is tested here. */
	letGo: () => Promise<void> = async () => undefined;

	async #point(): Promise<void> {
		this.steps += 1;
		if (this.steps < this.#burnsAt) return;
		await this.letGo();
		this.#burn();
		await new Promise(() => undefined);
	}

	/** May burn through before the step and after it. */
	async around<T>(step: () => Promise<T>): Promise<T> {
		await this.#point();
		const result = await step();
		await this.#point();
		return result;
	}
}

function fused(source: Source, fuse: Fuse): Source {
	return {
		place: source.place,
		read: () => source.read(),
		async hold(signal) {
			const held = await source.hold(signal);
			fuse.letGo = () => held.release();
			const whole: HeldSource = {
				read: () => held.read(),
				disarm: (fp) => fuse.around(() => held.disarm(fp)),
				restore: (session) => fuse.around(() => held.restore(session)),
				release: () => held.release(),
			};
			return whole;
		},
	};
}

function portsFor(fuse: Fuse): HandoverPorts & { escrow: Escrow } {
	const source = fused(
		fileSource({ configDir: at("claude"), disarmBy: "blank-token", clock }),
		fuse,
	);
	const escrow = openEscrow(at("escrow"), keyFile(at("key")));
	return {
		clock,
		escrow: {
			...escrow,
			write: (facts, session) => fuse.around(() => escrow.write(facts, session)),
			erase: (fp) => fuse.around(() => escrow.erase(fp)),
		},
		persist: (record) => fuse.around(() => writeState(at("pc.json"), PC_RECORD_FORMAT, record)),
		source: () => source,
		link: () => ({
			ask: (request) => fuse.around(() => host.ask(request)),
			close: () => undefined,
		}),
		onNote: () => undefined,
		onUnreadable: () => undefined,
		onTrouble: () => undefined,
	};
}

interface Life {
	readonly asking: Asking;
	readonly news: string[];
	end(): Promise<void>;
}

async function start(fuse = new Fuse(), other: Partial<HandoverPorts> = {}): Promise<Life> {
	const ports = { ...portsFor(fuse), ...other };
	const record = (await readState(at("pc.json"), PC_RECORD_FORMAT)) ?? EMPTY_PC_RECORD;
	const escrows = await ports.escrow.list();
	const runner = new HandoverRunner({ record, escrows, rules: RULES, runId: "run" }, ports);
	const stop = new AbortController();
	const running = runner.run(stop.signal);
	await runner.look(NORMAL_STORE);
	const news: string[] = [];
	const { signal } = stop;
	return {
		news,
		asking: { runner, clock, place: credentials, tell: (text) => void news.push(text), signal },
		async end() {
			stop.abort();
			await running;
		},
	};
}

async function login(name: string, account?: string) {
	const entry = entryOf(name, account);
	await writeFile(credentials(), JSON.stringify({ claudeAiOauth: entry, mcpOAuth: { a: 1 } }));
	return entry;
}

async function stored(): Promise<{ claudeAiOauth: { refreshToken: string }; mcpOAuth: object }> {
	return JSON.parse(await readFile(credentials(), "utf8"));
}

async function inEscrow(): Promise<string[]> {
	return (await readdir(at("escrow")).catch(() => [])).filter((name) => name.endsWith(".secret"));
}

async function settled({ asking: { runner } }: Life): Promise<void> {
	for (const limit = Date.now() + 8_000; Date.now() < limit; ) {
		const { record, run } = runner.state;
		const isOpen = record.handovers.some(({ step }) => step !== "kept" && step !== "sealed");
		if (!isOpen && Object.keys(run.confirms).length === 0) return;
		await clock.sleep(50);
	}
	throw new Error(`not settled: ${JSON.stringify(runner.state.record.handovers)}`);
}

describe("a hand-over", () => {
	test("goes its way to the claim, and leaves nothing here", async () => {
		const entry = await login("one");
		const life = await start();
		const outcome = await handOver(REQUEST, life.asking);
		expect(outcome).toEqual<Outcome>({
			result: "handed-over",
			host: "myvps",
			fp: fpOf(entry),
			generation: 1,
			leftPcWithout: true,
		});
		expect(life.news).toEqual([
			"login seen",
			"offered",
			"taken",
			"delivered",
			"claimed, generation 1",
		]);
		expect(host.asked.filter((type) => type !== "status")).toEqual([
			"offer",
			"deliver",
			"custody",
			"erased",
		]);
		expect(await stored()).toMatchObject({
			claudeAiOauth: { refreshToken: "" },
			mcpOAuth: { a: 1 },
		});
		expect(await inEscrow()).toEqual([]);
		await life.end();
	});

	test("that is declined leaves all as it was", async () => {
		const entry = await login("one");
		host.declines = "healthy";
		const life = await start();
		const outcome = await handOver(REQUEST, life.asking);
		expect(outcome).toMatchObject({ result: "declined", reason: "healthy" });
		expect((await stored()).claudeAiOauth).toEqual(entry);
		expect(await inEscrow()).toEqual([]);
		await life.end();
	});

	test("waits for a host that is down, and goes on when it is up", async () => {
		await login("one");
		host.down = new BatonError("host-unreachable", "cannot reach it");
		const life = await start();
		const first = await handOver(REQUEST, life.asking);
		expect(first).toMatchObject({ result: "under-way", step: "pending" });
		host.down = undefined;
		await settled(life);
		expect([...host.states.values()]).toEqual(["claimed"]);
		await life.end();
	});

	test("says at once what trying again does not mend", async () => {
		await login("one");
		host.down = new BatonError("host-key-changed", "another host");
		const life = await start();
		const outcome = await handOver(REQUEST, life.asking);
		expect(outcome).toMatchObject({ result: "under-way", trouble: "another host" });
		await life.end();
	});

	test("makes a fresh attempt, whatever kept the host from being reached before", async () => {
		await login("one");
		host.down = new BatonError("key-refused", "the host refused this key");
		const life = await start();
		expect(await handOver(REQUEST, life.asking)).toMatchObject({ result: "under-way" });
		host.down = undefined;
		expect(await handOver(REQUEST, life.asking)).toMatchObject({ result: "handed-over" });
		await life.end();
	});

	test.each<[string, number, string[]]>([
		["is slow", 3, ["claiming"]],
		[
			"stays without a word",
			6,
			["claiming", "still claiming: myvps waits to learn how its claim came out"],
		],
	])("whose claim %s says so, once", async (_how, answers, said) => {
		const fp = fpOf(await login("one"));
		const doubt = Array.from({ length: answers }, () => ({ type: "in-doubt" as const, fp }));
		host.scripted.set("custody", doubt);
		const life = await start();
		await handOver(REQUEST, life.asking);
		expect(life.news.slice(3)).toEqual(["delivered", ...said, "claimed, generation 1"]);
		await life.end();
	});

	test("of a login that was handed over before is none: the copy is disarmed", async () => {
		await login("one");
		const life = await start();
		const before = await readFile(credentials());
		await handOver(REQUEST, life.asking);
		await writeFile(credentials(), before);
		expect(await handOver(REQUEST, life.asking)).toMatchObject({ result: "copy" });
		await expect
			.poll(async () => (await stored()).claudeAiOauth.refreshToken, { timeout: 5_000 })
			.toBe("");
		await life.end();
	});

	test("needs a login, and a file that can be read", async () => {
		const life = await start();
		expect(await handOver(REQUEST, life.asking)).toMatchObject({ result: "no-login" });
		await writeFile(credentials(), "{");
		await expect(handOver(REQUEST, life.asking)).rejects.toMatchObject({
			code: "bad-credentials",
		});
		await expect(handOver({ ...REQUEST, host: "mvps" }, life.asking)).rejects.toMatchObject({
			code: "usage",
			hint: "did you mean myvps?",
		});
		await life.end();
	});
});

describe("until the record is durable", () => {
	test("nothing that follows it happens", async () => {
		const entry = await login("one");
		let open: () => void = () => undefined;
		const gate = new Promise<void>((resolve) => {
			open = resolve;
		});
		const { persist } = portsFor(new Fuse());
		const life = await start(new Fuse(), { persist: (record) => gate.then(() => persist(record)) });
		const outcome = handOver(REQUEST, life.asking);
		await clock.sleep(5_000);
		expect(host.asked.filter((type) => type !== "status")).toEqual([]);
		expect((await stored()).claudeAiOauth).toEqual(entry);
		open();
		expect(await outcome).toMatchObject({ result: "handed-over" });
		await life.end();
	});

	test("it is tried again, and the trouble told of once", async () => {
		await login("one");
		const troubles: (string | undefined)[] = [];
		const { persist } = portsFor(new Fuse());
		let failures = 4;
		const life = await start(new Fuse(), {
			persist: async (record) => {
				failures -= 1;
				if (failures > 0) throw new BatonError("disk-failed", "the disk is full");
				await persist(record);
			},
			onTrouble: (trouble) => void troubles.push(trouble?.message),
		});
		expect(await handOver(REQUEST, life.asking)).toMatchObject({ result: "handed-over" });
		expect(troubles).toEqual(["the disk is full", undefined]);
		await life.end();
	});
});

describe("a permit", () => {
	test("takes the next login, and no other", async () => {
		const own = await login("own");
		const life = await start();
		const outcome = handOver({ ...REQUEST, nextLogin: true }, life.asking);
		await expect.poll(() => life.asking.runner.state.record.permit?.host).toBe("myvps");
		expect((await stored()).claudeAiOauth).toEqual(own);
		const next = { ...entryOf("next"), refreshTokenExpiresAt: Date.now() + 40 * 86_400_000 };
		await writeFile(credentials(), JSON.stringify({ claudeAiOauth: next }));
		await life.asking.runner.look(NORMAL_STORE);
		expect(await outcome).toMatchObject({ result: "handed-over", fp: fpOf(next) });
		const third = { ...entryOf("third"), refreshTokenExpiresAt: Date.now() + 50 * 86_400_000 };
		await writeFile(credentials(), JSON.stringify({ claudeAiOauth: third }));
		await life.asking.runner.look(NORMAL_STORE);
		await clock.sleep(3_000);
		expect((await stored()).claudeAiOauth).toEqual(third);
		expect(host.delivered).toEqual([fpOf(next)]);
		await life.end();
	});
});

describe("take-back", () => {
	test("brings back what was never claimed", async () => {
		const entry = await login("one");
		host.scripted.set("deliver", [{ type: "staged", fp: fpOf(entry) }]);
		host.scripted.set(
			"custody",
			Array.from({ length: 50 }, () => ({ type: "staged" as const, fp: fpOf(entry) })),
		);
		const life = await start();
		void handOver(REQUEST, life.asking).catch(() => undefined);
		await expect.poll(() => life.news).toContain("delivered");
		const request = { v: 1, type: "take-back", host: "myvps", force: false } as const;
		const outcomes = await takeBack(request, life.asking);
		expect(outcomes).toMatchObject([{ result: "put-back", reason: "withdrawn" }]);
		expect((await stored()).claudeAiOauth).toEqual(entry);
		expect(await inEscrow()).toEqual([]);
		await life.end();
	});

	test("closes an open permit, for whoever waits on it too", async () => {
		const life = await start();
		const waiting = handOver({ ...REQUEST, nextLogin: true }, life.asking);
		await expect.poll(() => life.asking.runner.state.record.permit?.host).toBe("myvps");
		const request = { v: 1, type: "take-back", host: "myvps", force: false } as const;
		const closed = { result: "permit-closed", host: "myvps" };
		expect(await takeBack(request, life.asking)).toEqual([closed]);
		expect(await waiting).toEqual(closed);
		expect(life.asking.runner.state.record.permit).toBeUndefined();
		await life.end();
	});

	test("has nothing to do where nothing is under way", async () => {
		const life = await start();
		const request = { v: 1, type: "take-back", host: "myvps", force: false } as const;
		expect(await takeBack(request, life.asking)).toMatchObject([{ result: "nothing-under-way" }]);
		await life.end();
	});
});

describe("a crash", () => {
	/** Steps of an undisturbed hand-over, counted before and after each. */
	async function stepsInAll(): Promise<number> {
		const fuse = new Fuse();
		await login("one");
		const life = await start(fuse);
		await handOver(REQUEST, life.asking);
		await life.end();
		return fuse.steps;
	}

	test("at any step loses nothing and hands nothing over twice", { timeout: 120_000 }, async () => {
		const all = await stepsInAll();
		expect(all).toBeGreaterThan(15);
		for (let burnsAt = 1; burnsAt <= all; burnsAt++) {
			await folder.remove();
			folder = await scratchFolder();
			host = new ScriptedHost();
			await mkdir(at("claude"));
			const entry = await login("one");
			const fuse = new Fuse(burnsAt);
			const first = await start(fuse);
			const asked = handOver(REQUEST, first.asking).catch(() => undefined);
			await Promise.race([fuse.burnt, asked]);

			const second = await start();
			const { record } = second.asking.runner.state;
			// Before the asking was durable nothing had begun.
			if (record.handovers.length === 0 && record.known[fpOf(entry)] === undefined) {
				await handOver(REQUEST, second.asking);
			}
			await settled(second);
			const where = `a crash at step ${burnsAt}`;
			expect(host.states.get(fpOf(entry)), where).toBe("claimed");
			expect((await stored()).claudeAiOauth.refreshToken, where).toBe("");
			expect(await inEscrow(), where).toEqual([]);
			await second.end();
		}
	});
});
