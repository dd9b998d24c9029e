/** Whoever only looks changes nothing, however often: a day with observers leaves what one without leaves. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { DEFAULT_RULES, emptyRecord } from "@baton/core/custody-state";
import { NO_WARNINGS } from "@baton/core/decide-warnings";
import { DAY, HOUR, MINUTE, SECOND } from "@baton/core/duration";
import { HERE } from "@baton/core/import-login";
import { fingerprint, lineageIdOf } from "@baton/core/lineage";
import { parseRequest } from "@baton/core/protocol";
import { Secret } from "@baton/core/secret";
import { type FakeClock, fakeClock } from "@baton/io/clock";
import { createLog } from "@baton/io/log";
import { afterEach, beforeEach, expect, test } from "vitest";
import { judgeCheck } from "./check-words.ts";
import type { ControlAnswer, ControlRequest, ServiceStatus } from "./control-message.ts";
import { answerControl, type ControlOptions } from "./control-socket.ts";
import { Custodian } from "./custodian.ts";
import { DeviceBook } from "./device-book.ts";
import { judgeLogin, judgeSinks } from "./doctor/custody-found.ts";
import { Metrics } from "./metrics.ts";
import { statusOf } from "./serving.ts";
import type { Sink } from "./sinks/sink.ts";
import { describe as describeStatus } from "./status.ts";
import { Warner } from "./warnings/warner.ts";

const FP = fingerprint(new Secret("r0"));

interface World {
	readonly clock: FakeClock;
	readonly custodian: Custodian;
	/** Everything that reached the disk, the provider and the sinks, and when, in order. */
	readonly trace: string[];
	readonly tell: (what: string) => void;
}

/** @param lifetime of each access token, ms */
async function worldWith(lifetime: number): Promise<World> {
	const clock = fakeClock();
	const trace: string[] = [];
	const tell = (what: string) => void trace.push(`${clock.now()} ${what}`);
	let rotations = 0;
	const sink: Sink = {
		name: "s",
		prove: async () => tell("prove"),
		look: async () => {
			return "fine";
		},
		async write({ session }) {
			tell(`write ${session.accessToken.reveal()}`);
			return { kind: "written", disarmed: undefined };
		},
	};
	const custodian = new Custodian({
		record: emptyRecord("default", "0".repeat(64)),
		rules: DEFAULT_RULES,
		engine: {
			async refresh(session) {
				tell(`refresh ${session.refreshToken.reveal()}`);
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
			tell(`probe ${token.reveal()}`);
			return { kind: "good", account: "A" };
		},
		revoke: async () => ({ kind: "revoked" }),
		sinks: [sink],
		store: {
			load: async () => undefined,
			save: async ({ current, staged }) =>
				tell(`save ${(staged ?? current)?.phase.name} ${current?.generation}`),
		},
		clock,
		onNote: ({ what }) => tell(`note ${what}`),
		onFault: () => tell("fault"),
		onTrouble: () => tell("trouble"),
	});
	void custodian.run();
	await deliver(custodian, clock, lifetime);
	return { clock, custodian, trace, tell };
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

/** The service's own ear, and what each command makes of what it hears. */
class Observers {
	/** How often each answer was given. */
	readonly heard = new Map<string, number>();
	readonly #world: World;
	readonly #options: ControlOptions;

	constructor(world: World, { devices, warner }: Pick<ControlOptions, "devices" | "warner">) {
		const { clock, custodian, tell } = world;
		const metrics = new Metrics(["default"]);
		this.#world = world;
		this.#options = {
			clock,
			custodians: new Map([["default", custodian]]),
			tokenUrl: "https://p.example/t",
			about: () => ({ key: "file", settings: {} }),
			devices,
			warner,
			metrics: () => metrics.text([statusOf(custodian)], clock.now()),
			engine: () => ({ name: "http" }),
			onNote: ({ what }) => tell(`note ${what}`),
		};
	}

	/** What `status`, `check`, `sinks`, the doctor and a scrape ask, and what they make of it. */
	async look(): Promise<void> {
		const [status] = await this.#askAll([
			{ v: 1, type: "status" },
			{ v: 1, type: "metrics" },
		]);
		const service = status as ServiceStatus;
		this.#count(describeStatus(service).includes("well; ") ? "well" : "not well");
		for (const one of service.names) {
			judgeCheck(one, { now: service.now, withinMs: 2 * HOUR, fix: undefined });
			judgeLogin(one, service.now);
			judgeSinks(one, service.now);
		}
	}

	/** What is asked besides: by `token`, by the doctor of each copy that it finds, by a PC. */
	async lookAround(): Promise<void> {
		await this.#askAll([
			{ v: 1, type: "token", name: "default" },
			{ v: 1, type: "devices" },
			{ v: 1, type: "custody", name: "default", fp: FP },
		]);
		const line = JSON.stringify({ v: 1, id: "s", type: "status" });
		const { body } = await this.#world.custodian.request(HERE, parseRequest(line));
		this.#count(`${body.type} from afar`);
	}

	async #askAll(questions: readonly ControlRequest[]): Promise<(ControlAnswer | undefined)[]> {
		const answers = await Promise.all(questions.map((question) => this.#ask(question)));
		for (const answer of answers) this.#count(answer?.type ?? "none");
		return answers;
	}

	#count(what: string): void {
		this.heard.set(what, (this.heard.get(what) ?? 0) + 1);
	}

	async #ask(question: ControlRequest): Promise<ControlAnswer | undefined> {
		const wire = new Wire(`${JSON.stringify(question)}\n`);
		await answerControl(wire as unknown as Socket, this.#options);
		return wire.said === "" ? undefined : (JSON.parse(wire.said) as ControlAnswer);
	}
}

/** A connection as a command makes one: it asks, listens and goes. */
class Wire extends Duplex {
	said = "";

	constructor(question: string) {
		super();
		this.push(question);
		this.push(null);
	}

	override _read(): void {}

	override _write(piece: Buffer, _encoding: string, done: () => void): void {
		this.said += piece.toString("utf8");
		done();
	}

	destroySoon(): void {
		this.destroy();
	}
}

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "baton-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function observersOf(world: World): Promise<Observers> {
	const { clock, tell } = world;
	const devices = await DeviceBook.open(join(folder, "devices.json"), clock);
	const warner = new Warner({
		outlets: [],
		store: { load: async () => NO_WARNINGS, save: async () => tell("warned") },
		memory: NO_WARNINGS,
		matters: () => [],
		host: "vps",
		clock,
		log: createLog({ stream: new PassThrough(), env: {} }),
	});
	return new Observers(world, { devices, warner });
}

async function dayOf(world: World, every: number): Promise<Record<string, number>> {
	const observers = await observersOf(world);
	for (let at = 0; at < DAY; at += every) {
		await observers.look();
		if (at % (15 * every) === 0) await observers.lookAround();
		await world.clock.advance(every);
	}
	expect(readdirSync(folder)).toEqual([]);
	return Object.fromEntries(observers.heard);
}

test("a day of looks each second: 0 refreshes, 0 spent, 0 writes, where none is due", async () => {
	const world = await worldWith(40 * HOUR);
	expect(world.trace.filter((line) => / refresh r/.test(line))).toHaveLength(1);
	world.trace.length = 0;
	const heard = await dayOf(world, SECOND);
	const [often, less] = [DAY / SECOND, DAY / SECOND / 15];
	expect(heard).toEqual({
		status: often,
		well: often,
		metrics: often,
		token: less,
		devices: less,
		import: less,
		"status from afar": less,
	});
	expect(world.trace).toEqual([]);
}, 300_000);

test("and where some are due, as many, at the same moments, and everything else just the same", async () => {
	const [silent, looked] = [await worldWith(8 * HOUR), await worldWith(8 * HOUR)];
	await silent.clock.advance(DAY);
	await dayOf(looked, MINUTE);
	expect(looked.trace.filter((line) => / refresh r/.test(line)).length).toBeGreaterThan(3);
	expect(looked.trace).toEqual(silent.trace);
}, 300_000);
