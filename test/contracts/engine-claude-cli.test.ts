/** The engine `claude-cli`: what every engine owes, and what comes of leaving a refresh to another program. */
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildKnock, judgeKnock } from "@baton/core/knock";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { Provider } from "@baton/core/oauth";
import { type ArmedSession, isArmed, parseEntry } from "@baton/core/session";
import { systemClock } from "@baton/io/clock";
import { isAlive } from "@baton/io/process-alive";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chosenEngine } from "../../packages/vps/src/engines/choose-engine.ts";
import {
	ClaudeCliEngine,
	type ClaudeCliOptions,
} from "../../packages/vps/src/engines/claude-cli.ts";
import { claudeEnvironment } from "../../packages/vps/src/engines/claude-environment.ts";
import type { Durable } from "../../packages/vps/src/engines/engine.ts";
import { httpEngine } from "../../packages/vps/src/engines/http.ts";
import { sendRequest } from "../../packages/vps/src/engines/send-request.ts";
import { letGo, startHolder } from "../../packages/vps/src/engines/start-claude.ts";
import { until } from "../e2e/stories/until.ts";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { makeRefreshingClaude, type RefreshingClaude } from "../parts/refreshing-claude.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { mountSmallDisk, smallDiskMissing } from "../parts/small-disk.ts";
import { engineContract } from "./engine-contract.ts";

/** One machine: a claude, a folder, and each engine that was started there. */
class Machine {
	readonly scratch: Scratch = makeScratch();
	readonly claude: RefreshingClaude;
	readonly folder = this.scratch.at("engine", "default");
	readonly leftovers: string[] = [];
	readonly #server: OAuthServer;
	readonly #waitMs: number;

	constructor(server: OAuthServer, waitMs: number) {
		this.#server = server;
		this.#waitMs = waitMs;
		this.claude = makeRefreshingClaude(server);
	}

	get provider(): Provider {
		const { tokenUrl, profileUrl, clientId } = this.#server;
		return { tokenUrl, profileUrl, clientId, body: "json", userAgent: "baton" };
	}

	engine(waitMs = this.#waitMs, more: Partial<ClaudeCliOptions> = {}): ClaudeCliEngine {
		const { provider } = this;
		const limits = { totalMs: 1_000, bodyBytes: 1_000 };
		const network = { proxy: undefined, except: [], ca: undefined };
		return new ClaudeCliEngine({
			folder: this.folder,
			environment: claudeEnvironment(process.env, network),
			program: async () => this.claude.path,
			async knock() {
				const sent = await sendRequest(buildKnock(provider), limits);
				if (sent.kind === "response") return judgeKnock(sent.response, Date.now());
				return { kind: "not-sent" };
			},
			waitMs,
			clock: systemClock,
			onLeftover: (why) => this.leftovers.push(why),
			...more,
		});
	}

	/** Everything below the engine's folder, as one text. */
	leftBehind(): string {
		if (!existsSync(this.folder)) return "";
		return (readdirSync(this.folder, { recursive: true }) as string[])
			.map((name) => join(this.folder, name))
			.map((path) => (statSync(path).isFile() ? readFileSync(path, "utf8") : path))
			.join("\n");
	}

	end(): void {
		this.claude.end();
		this.scratch.remove();
		this.claude.scratch.remove();
	}
}

let contracted: Machine;

engineContract({
	name: "claude-cli",
	requestLimit: 6_000,
	make(server, requestLimit) {
		contracted = new Machine(server, (requestLimit * 5) / 6);
		return contracted.engine();
	},
	restart: () => contracted.engine(),
	hides: [307, 404],
	hidesRetryAfter: true,
	keeps: true,
	readsHuge: true,
	leftBehind: () => contracted.leftBehind(),
	end: () => contracted.end(),
});

describe("a refresh by claude", () => {
	let server: OAuthServer;
	let machine: Machine;
	let session: ArmedSession;
	let fp: Fingerprint;

	beforeEach(async () => {
		server = await startOAuthServer({ accessTokenSeconds: 600 });
		machine = new Machine(server, 5_000);
		const minted = parseEntry(await server.mintLogin());
		if (!isArmed(minted)) throw new Error("a minted login has a refresh token");
		session = minted;
		fp = fingerprint(session.refreshToken);
	});
	afterEach(async () => {
		machine.end();
		await server.close();
	});

	const held: () => Durable = () => ({
		isOpen: () => false,
		isNewest: (one) => one === fp,
		knows: (one) => one === fp,
	});

	test("claude is given no secret but in its folder, and none of the service's own ways", async () => {
		process.env.ANTHROPIC_API_KEY = "CANARY-key";
		process.env.CLAUDE_CODE_OAUTH_TOKEN = "CANARY-token";
		try {
			expect((await machine.engine().refresh(session)).kind).toBe("rotated");
		} finally {
			delete process.env.ANTHROPIC_API_KEY;
			delete process.env.CLAUDE_CODE_OAUTH_TOKEN;
		}
		const { args, env } = onlyRun();
		expect(JSON.stringify({ args, env })).not.toContain("CANARY");
		const claudes = Object.keys(env).filter((name) => /^(ANTHROPIC|CLAUDE)/.test(name));
		expect(claudes.sort()).toEqual([
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
			"CLAUDE_CONFIG_DIR",
		]);
		expect(env.HOME).toBe(env.CLAUDE_CONFIG_DIR);
		for (const path of [machine.folder, join(machine.folder, fp), env.HOME ?? ""]) {
			expect(statSync(path).mode & 0o777).toBe(0o700);
		}
		expect(statSync(join(env.HOME ?? "", ".credentials.json")).mode & 0o777).toBe(0o600);
	});

	test.each([
		["before it sends anything", "before-sending", "nothing", "rotated"],
		["while the answer is on its way", "after-sending", "nothing", "dead"],
		["in the middle of writing it", "half-written", "nothing", "dead"],
		["before it renames what it wrote", "before-rename", "rotated", "rotated"],
		["after it has written", "after-writing", "rotated", "rotated"],
	] as const)("claude is killed %s", async (_when, dies, found, later) => {
		machine.claude.plays({ dies });
		const outcome = await machine.engine().refresh(session);
		expect(outcome.kind).toBe(found === "nothing" ? "no-reply" : found);
		const again = machine.engine();
		const harvested = await again.harvest(fp);
		expect(harvested.kind).toBe(found);
		if (harvested.kind === "nothing")
			expect(harvested.endedAt).toBeGreaterThan(Date.now() - 10_000);
		// Asked to, it tries once more, and not if the outcome is there.
		machine.claude.plays({});
		expect((await again.refresh(session)).kind).toBe(later);
		expect(machine.claude.runs()).toHaveLength(found === "rotated" ? 1 : 2);
	});

	test("one that outlasts the limit runs on, alone, and its outcome is harvested", async () => {
		await server.inject("token", { kind: "hold", when: "after" });
		const engine = machine.engine(1_000);
		expect(await engine.refresh(session)).toEqual({ kind: "no-reply" });
		expect(await engine.harvest(fp)).toEqual({ kind: "running" });
		// Whoever asks again gets no second claude, nor does one after a restart, nor is it tidied away.
		expect(await machine.engine(1_000).refresh(session)).toEqual({ kind: "no-reply" });
		await engine.settled(held());
		expect(await engine.harvest(fp)).toEqual({ kind: "running" });
		expect(machine.claude.runs()).toHaveLength(1);
		await server.release();
		const restarted = machine.engine();
		await until("it is harvested", async () => (await restarted.harvest(fp)).kind === "rotated");
		expect(await server.presentations()).toHaveLength(1);
		expect(await server.spentTwice()).toEqual([]);
	});

	test("what comes before claude counts towards the limit", async () => {
		let later = 0;
		const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later };
		const knock = async () => {
			later = 60_000;
			return undefined;
		};
		machine.claude.plays({ lagsMs: 1_500 });
		const engine = machine.engine(60_000, { clock, knock });
		expect(await engine.refresh(session)).toEqual({ kind: "no-reply" });
		await until("it is harvested", async () => (await engine.harvest(fp)).kind === "rotated");
	});

	test("what claude has started is waited for as well", async () => {
		machine.claude.plays({ byHelper: true, lagsMs: 1_500 });
		expect((await machine.engine().refresh(session)).kind).toBe("rotated");
		expect(await server.presentations()).toHaveLength(1);
	});

	test.skipIf(process.platform !== "linux")(
		"neither it nor what holds its input open is of the service's session",
		async () => {
			machine.claude.plays({ stays: true });
			await machine.engine(2_000).refresh(session);
			const note = JSON.parse(readFileSync(join(machine.folder, fp, "run.json"), "utf8"));
			const noted: number[] = [note.process.pid, onlyRun().pid];
			expect(noted.map(sessionOf)).toEqual(noted);
			const holder = startHolder(60, { PATH: process.env.PATH ?? "" }).process;
			expect(sessionOf(holder.pid)).toBe(holder.pid);
			letGo(holder);
		},
	);

	test("a service that died between the start and its note finds it by its environment", async () => {
		await server.inject("token", { kind: "hold", when: "after" });
		expect((await machine.engine(1_000).refresh(session)).kind).toBe("no-reply");
		const path = join(machine.folder, fp, "run.json");
		const { process: _process, ...record } = JSON.parse(readFileSync(path, "utf8"));
		writeFileSync(path, JSON.stringify({ ...record, at: record.at - 120_000 }));
		const restarted = machine.engine();
		expect(await restarted.harvest(fp)).toEqual({ kind: "running" });
		await server.release();
		await until("it is harvested", async () => (await restarted.harvest(fp)).kind === "rotated");
	});

	test.each([
		["nothing but the folder", () => ({})],
		["a note that it was to be started", () => ({ "run.json": note("prepared") })],
	])("a crash that left %s is told from one after the start", async (_what, files) => {
		lay(files());
		const harvested = await machine.engine().harvest(fp);
		expect(["not-sent", "nothing"]).toContain(harvested.kind);
		if (harvested.kind === "nothing") expect(harvested.endedAt).toBeUndefined();
		expect((await machine.engine().refresh(session)).kind).toBe("rotated");
	});

	test.each([
		["the note", { "run.json": "{half" }],
		["claude's file", { "run.json": note("started"), "claude/.credentials.json": "{half" }],
		[
			"claude's file, for a folder",
			{ "run.json": note("started"), "claude/.credentials.json/x": "" },
		],
	])("what cannot be read says nothing: %s", async (_what, files) => {
		lay(files);
		expect(await machine.engine().harvest(fp)).toMatchObject({ kind: "nothing" });
	});

	test("one just noted as started is waited for, as its process may not show yet", async () => {
		lay({ "run.json": note("started", Date.now()) });
		expect(await machine.engine().harvest(fp)).toEqual({ kind: "running" });
	});

	test("the end of a run is remembered, so that no restart puts it off", async () => {
		machine.claude.plays({ dies: "before-sending" });
		await machine.engine().refresh(session);
		const first = await machine.engine().harvest(fp);
		await new Promise((resolve) => setTimeout(resolve, 20));
		expect(await machine.engine().harvest(fp)).toEqual(first);
	});

	test("a newer login than the record knows of is not tidied away", async () => {
		const engine = machine.engine();
		const outcome = await engine.refresh(session);
		if (outcome.kind !== "rotated") throw new Error(outcome.kind);
		await engine.settled(held());
		expect(machine.leftovers).toHaveLength(1);
		expect(await machine.engine().harvest(fp)).toMatchObject({ kind: "rotated" });
		// Of a login that is let go of, its newest token goes too.
		await engine.settled({ isOpen: () => false, isNewest: () => false, knows: () => false });
		expect(machine.leftBehind()).not.toContain("CANARY");
	});

	test("a claude that does not end with its input is left to itself", async () => {
		machine.claude.plays({ stays: true });
		const engine = machine.engine(3_000);
		expect(await engine.refresh(session)).toEqual({ kind: "no-reply" });
		const { pid } = onlyRun();
		expect(isAlive(pid)).toBe(true);
		machine.claude.end();
		await until("it is harvested", async () => (await engine.harvest(fp)).kind === "rotated");
	});

	test("without a program, or one that cannot be started, nothing was sent", async () => {
		chmodSync(machine.claude.path, 0o644);
		expect(await machine.engine().refresh(session)).toEqual({ kind: "not-sent" });
		expect(await machine.engine().harvest(fp)).toEqual({ kind: "not-sent" });
		expect(await server.presentations()).toEqual([]);
	});

	test("a refusal it has left says nothing of a refresh by the other engine", async () => {
		await server.inject("token", { kind: "status", status: 429 });
		const cli = machine.engine();
		expect((await cli.refresh(session)).kind).toBe("refused");
		// Not removed, as where the disk did not let it go; and claude is no longer there.
		const http = httpEngine(machine.provider, 2_000, Date.now);
		const engine = chosenEngine(async () => ({ name: "http" }), { cli, http });
		await server.inject("token", { kind: "lose-reply" });
		expect(await engine.refresh(session)).toEqual({ kind: "no-reply" });
		expect(await engine.harvest(fp)).toEqual({ kind: "nothing", endedAt: undefined });
	});

	const noDisk = smallDiskMissing();
	test.skipIf(noDisk !== undefined)(
		`what the disk does not let go of is told, is no fault, and goes later${noDisk ? ` (skips: ${noDisk})` : ""}`,
		async () => {
			mkdirSync(machine.folder, { recursive: true, mode: 0o700 });
			const disk = mountSmallDisk(machine.folder);
			const gone = join(machine.folder, `${fp}.0a1b2c3d.gone`);
			mkdirSync(gone, { mode: 0o700 });
			writeFileSync(join(gone, "run.json"), "CANARY");
			disk.setReadOnly(true);
			await machine.engine().settled(held());
			expect(machine.leftovers).toEqual([expect.stringContaining(`cannot remove ${gone}`)]);
			disk.setReadOnly(false);
			await machine.engine().settled(held());
			expect(readdirSync(machine.folder)).toEqual([]);
		},
	);

	test("a sleep that cannot be started is no fault", () => {
		const start = () => startHolder(1, { PATH: `/usr/bin:${"x".repeat(3_000_000)}` });
		expect(start).toThrow(expect.objectContaining({ code: "command-failed" }));
	});

	/** proc(5): the sixth field, counted from the end of the name. */
	function sessionOf(pid: number): number {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
	}

	function onlyRun() {
		const [run, ...more] = machine.claude.runs();
		if (run === undefined || more.length > 0) throw new Error("it was to run once");
		return run;
	}

	/** A note of a refresh by a process that is gone. */
	function note(state: "prepared" | "started", at = Date.now() - 60_000): string {
		const gone = { pid: 2 ** 22 + 1, start: "ended" };
		const process = at > Date.now() - 60_000 ? {} : { process: gone };
		return JSON.stringify({ v: 1, access: "a".repeat(64), closeEnd: at, state, at, ...process });
	}

	function lay(files: Record<string, string>): void {
		const run = join(machine.folder, fp);
		mkdirSync(join(run, "claude"), { recursive: true, mode: 0o700 });
		for (const [name, text] of Object.entries(files)) {
			mkdirSync(join(run, name, ".."), { recursive: true, mode: 0o700 });
			writeFileSync(join(run, name), text, { mode: 0o600 });
		}
	}
});
