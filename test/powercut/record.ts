/** Real hand-overs by the built programs, every system call written down. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { done, published, reached, settled, told } from "../e2e/stories/milestones.ts";
import { HOST, raiseStage, type Stage, type StageOptions } from "../e2e/stories/stage.ts";
import { until } from "../e2e/stories/until.ts";
import { type Child, type ChildOptions, startChild } from "../parts/child-process.ts";
import type { FakeClaude } from "../parts/fake-claude.ts";
import type { ClaudeAiOauth } from "../parts/oauth-control.ts";
import { makeScratch } from "../parts/scratch.ts";
import { fingerprintOf, type Presentation } from "../parts/token-ledger.ts";
import { type DiskEvent, isPassing } from "./disk-event.ts";
import { traced } from "./strace.ts";
import { readCalls, type SystemCall } from "./system-call.ts";

export interface Recording {
	readonly pc: Side;
	readonly vps: Side;
	readonly presentations: readonly Presentation[];
	/** First refresh tokens by fingerprint, and when each login was there; µs since 1970. */
	readonly logins: readonly { readonly fp: string; readonly from: number }[];
}

export interface Side {
	readonly root: string;
	/** Files and, with no content, folders. */
	readonly before: ReadonlyMap<string, Buffer | undefined>;
	readonly calls: readonly SystemCall[];
	/** What claude wrote meanwhile. */
	readonly given: readonly DiskEvent[];
}

/** What a story can do while it is recorded. */
interface Scene {
	readonly stage: Stage;
	watch(): Promise<Child>;
	serve(): Promise<Child>;
	/** claude's `/login`. */
	logIn(claude: FakeClaude): Promise<ClaudeAiOauth>;
}

export interface Story {
	readonly name: string;
	readonly options: StageOptions;
	/** What was there before anything runs. */
	prepare?(stage: Stage): Promise<unknown>;
	/** @returns what runs still, to be ended in order */
	tell(scene: Scene): Promise<Child[]>;
}

export const STORIES: readonly Story[] = [
	{
		name: "a dedicated login, its claim and two rotations",
		options: { accessTokenSeconds: 8, vps: { refresh: { before: "1h" } } },
		async tell({ stage, serve, watch, logIn }) {
			const running = [await serve(), await watch()];
			await logIn(stage.pc.claudeFor(HOST));
			await settled(stage);
			await told(stage, "rotated", 2);
			await published(stage);
			return running;
		},
	},
	{
		name: "a login of the PC's own store, taken back, put back, handed over again",
		options: { login: "follow-login", accessTokenSeconds: 60 },
		prepare: ({ pc }) => pc.claude.login(),
		async tell({ stage, serve, watch, logIn }) {
			const { pc, provider } = stage;
			const running = [await serve(), await watch()];
			await running[1]?.line(/"kind":"host-needs-login"/);
			await provider.inject("token", { kind: "status", status: 503 }, "until-cleared");
			const { refreshToken } = await logIn(pc.claude);
			await reached(stage, "taken");
			await told(stage, "staged");
			await ends(stage.baton("take-back", HOST));
			await until("it is back in its store", () => stage.ownToken() === refreshToken);
			await done(stage);
			await provider.clearFaults();
			await ends(stage.baton("handover", HOST));
			await settled(stage);
			await published(stage);
			return running;
		},
	},
];

async function ends(command: ReturnType<Stage["baton"]>): Promise<void> {
	const { code, stderr } = await command;
	if (code !== 0) throw new Error(`a command ended with ${code}: ${stderr}`);
}

const SETTLE_MS = 20_000;

export async function record({ options, prepare, tell }: Story): Promise<Recording> {
	const traces = makeScratch();
	const stage = await raiseStage(options);
	try {
		await prepare?.(stage);
		const sides = { pc: stage.pc.scratch.path, vps: stage.vps.scratch.path };
		const before = { pc: filesIn(sides.pc), vps: filesIn(sides.vps) };
		const logins: { fp: string; from: number }[] = [];
		const given: DiskEvent[] = [];
		const running = await tell({
			stage,
			watch: () => start(stage, stage.pc.optionsOf(["watch"]), traces.at("pc"), "watching"),
			serve: () => start(stage, stage.vps.optionsOf(["serve"]), traces.at("vps"), "ready"),
			async logIn(claude) {
				const login = await claude.login();
				const event = writeOf(claude.credentialsPath);
				given.push(event);
				logins.push({ fp: fingerprintOf(login.refreshToken), from: event.from });
				return login;
			},
		});
		for (const child of running) child.kill("SIGTERM");
		for (const child of running) {
			const { code } = await child.ended(SETTLE_MS);
			if (code !== 0) throw new Error(`a program ended with ${code}: ${child.stderr()}`);
		}
		return {
			pc: { root: sides.pc, before: before.pc, calls: readCalls(traces.at("pc")), given },
			vps: { root: sides.vps, before: before.vps, calls: readCalls(traces.at("vps")), given: [] },
			presentations: await stage.provider.presentations(),
			logins,
		};
	} finally {
		await stage.close();
		traces.remove();
	}
}

async function start(
	stage: Stage,
	options: ChildOptions,
	prefix: string,
	says: string,
): Promise<Child> {
	const argv = [...traced(prefix), ...options.argv] as unknown as ChildOptions["argv"];
	const child = stage.keep(await startChild({ ...options, argv }));
	await child.line(new RegExp(`"msg":"${says}"`), SETTLE_MS);
	return child;
}

/** claude writes beside and renames: it was there from the time its inode was last changed. */
function writeOf(path: string): DiskEvent {
	const at = Math.floor(statSync(path).ctimeMs * 1000);
	return { kind: "given", path, bytes: readFileSync(path), from: at, until: at };
}

function filesIn(root: string): Map<string, Buffer | undefined> {
	const found = new Map<string, Buffer | undefined>([[root, undefined]]);
	for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
		const path = join(entry.parentPath, entry.name);
		if (isPassing(path)) continue;
		if (entry.isDirectory()) found.set(path, undefined);
		else if (entry.isFile()) found.set(path, readFileSync(path));
	}
	return found;
}
