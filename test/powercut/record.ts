/** Real hand-overs and imports by the built programs, every system call written down. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { done, published, reached, settled, told } from "../e2e/stories/milestones.ts";
import { HOST, raiseStage, type Stage, type StageOptions } from "../e2e/stories/stage.ts";
import { until } from "../e2e/stories/until.ts";
import { type Child, type ChildOptions, runChild, startChild } from "../parts/child-process.ts";
import type { FakeClaude } from "../parts/fake-claude.ts";
import type { ClaudeAiOauth } from "../parts/oauth-control.ts";
import { makeScratch } from "../parts/scratch.ts";
import { fingerprintOf, type Presentation } from "../parts/token-ledger.ts";
import { type DiskEvent, isPassing } from "./disk-event.ts";
import type { File } from "./durable.ts";
import { BEFORE_ALL } from "./machine.ts";
import { traced } from "./strace.ts";
import { readCalls, type SystemCall } from "./system-call.ts";
import { SINK_FILE } from "./vps-image.ts";

export interface Recording {
	readonly pc: Side;
	readonly vps: Side;
	readonly presentations: readonly Presentation[];
	/** First refresh tokens by fingerprint, and when each login was there; µs since 1970. */
	readonly logins: readonly { readonly fp: string; readonly from: number }[];
	/** Files whose login the VPS takes over, by their path below its folder. */
	readonly sources: readonly string[];
}

export interface Side {
	readonly root: string;
	/** Files and, undefined, folders. */
	readonly before: ReadonlyMap<string, File | undefined>;
	/** Of its watcher, or its service. */
	readonly calls: readonly SystemCall[];
	/** Of commands that ran beside it. */
	readonly others: readonly SystemCall[];
	/** What claude wrote meanwhile. */
	readonly given: readonly DiskEvent[];
}

/** What a story can do while it is recorded. */
interface Scene {
	readonly stage: Stage;
	watch(): Promise<Child>;
	serve(): Promise<Child>;
	/** `batond import` of the story's source, to its good end. */
	takeOver(): Promise<void>;
	/** claude's `/login`. */
	logIn(claude: FakeClaude): Promise<ClaudeAiOauth>;
}

export interface Story {
	readonly key: StoryKey;
	readonly name: string;
	readonly options: StageOptions;
	/** A file on the VPS, by its path below its folder, that holds a login when all begins. */
	readonly source?: string;
	/** What was there before anything runs. */
	prepare?(stage: Stage): Promise<unknown>;
	/** @returns what runs still, to be ended in order */
	tell(scene: Scene): Promise<Child[]>;
}

const ENV_FILE = join("app", "service.env");
const TEMPLATE_FILE = join("app", "token.json");
/** One of each kind, the files with modes of their own. */
const SINKS = {
	claude: { type: "claude-code", configDir: "~/claude" },
	env: { type: "env-file", path: `~/${ENV_FILE}`, mode: "0640" },
	file: {
		type: "template",
		path: `~/${TEMPLATE_FILE}`,
		mode: "0440",
		template: '{"token":{{accessToken|json}}}',
	},
	command: { type: "exec", command: ["/bin/sh", "-c", "cat > /dev/null"] },
} as const;

export type StoryKey = "hand-over" | "take-back" | "import" | "sinks";

export const STORIES: readonly Story[] = [
	{
		key: "hand-over",
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
		key: "take-back",
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
	{
		key: "import",
		name: "a login of claude's own on the VPS, imported where a sink writes, claimed at the second try",
		options: {},
		source: SINK_FILE,
		async tell({ stage, serve, takeOver }) {
			const { accessToken } = stage.vps.sinkFile();
			await stage.provider.inject("token", { kind: "status", status: 503 });
			const running = [await serve()];
			await takeOver();
			await published(stage, accessToken);
			return running;
		},
	},
	{
		key: "sinks",
		name: "a login of the plugin's file, imported, with sinks of all kinds and a rotation",
		options: {
			accessTokenSeconds: 12,
			vps: { refresh: { before: "1h" }, names: { default: { sinks: SINKS } } },
		},
		source: join(".openclaw", "claude-credentials.json"),
		prepare: async ({ vps }) => {
			const file = vps.scratch.at(ENV_FILE);
			mkdirSync(dirname(file), { mode: 0o700 });
			writeFileSync(file, "OTHER=kept\n", { mode: 0o640 });
		},
		async tell({ stage, serve, takeOver }) {
			const running = [await serve()];
			await takeOver();
			await published(stage);
			const { accessToken } = stage.vps.sinkFile();
			await told(stage, "rotated");
			for (const file of [SINK_FILE, ENV_FILE, TEMPLATE_FILE]) {
				const path = stage.vps.scratch.at(file);
				const holds = () => /sk-ant-oat01-[\w-]+/.exec(readFileSync(path, "utf8"))?.[0];
				await until(`${file} has a later token`, holds, (token) => token !== accessToken);
			}
			return running;
		},
	},
];

/** A login in a file of that kind, with keys beside it that are not ours. */
async function layLogin(stage: Stage, source: string): Promise<string> {
	const login = await stage.nextLogin();
	const file = stage.vps.scratch.at(source);
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	const content = { claudeAiOauth: login, mcpOAuth: { server: "kept" } };
	writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
	return fingerprintOf(login.refreshToken);
}

async function ends(command: ReturnType<typeof runChild>): Promise<void> {
	const { code, stderr } = await command;
	if (code !== 0) throw new Error(`a command ended with ${code}: ${stderr}`);
}

const SETTLE_MS = 20_000;

export async function record({ options, source, prepare, tell }: Story): Promise<Recording> {
	const traces = makeScratch();
	const stage = await raiseStage(options);
	try {
		await prepare?.(stage);
		const logins: { fp: string; from: number }[] = [];
		if (source !== undefined) logins.push({ fp: await layLogin(stage, source), from: BEFORE_ALL });
		const sides = { pc: stage.pc.scratch.path, vps: stage.vps.scratch.path };
		const before = { pc: filesIn(sides.pc), vps: filesIn(sides.vps) };
		const given: DiskEvent[] = [];
		const running = await tell({
			stage,
			watch: () => start(stage, stage.pc.optionsOf(["watch"]), traces.at("pc"), "watching"),
			serve: () => start(stage, stage.vps.optionsOf(["serve"]), traces.at("vps"), "ready"),
			async takeOver() {
				const args = ["import", stage.vps.scratch.at(source ?? ""), "--yes"];
				await ends(runChild(tracedTo(traces.at("vps-command"), stage.vps.optionsOf(args))));
			},
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
			pc: {
				root: sides.pc,
				before: before.pc,
				calls: readCalls(traces.at("pc")),
				others: [],
				given,
			},
			vps: {
				root: sides.vps,
				before: before.vps,
				calls: readCalls(traces.at("vps")),
				others: readCalls(traces.at("vps-command")),
				given: [],
			},
			presentations: await stage.provider.presentations(),
			logins,
			sources: source === undefined ? [] : [source],
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
	const child = stage.keep(await startChild(tracedTo(prefix, options)));
	await child.line(new RegExp(`"msg":"${says}"`), SETTLE_MS);
	return child;
}

function tracedTo(prefix: string, options: ChildOptions): ChildOptions {
	const argv = [...traced(prefix), ...options.argv] as unknown as ChildOptions["argv"];
	return { ...options, argv };
}

/** claude writes beside and renames: it was there from the time its inode was last changed. */
function writeOf(path: string): DiskEvent {
	const at = Math.floor(statSync(path).ctimeMs * 1000);
	return { kind: "given", path, bytes: readFileSync(path), from: at, until: at };
}

function filesIn(root: string): Map<string, File | undefined> {
	const found = new Map<string, File | undefined>([[root, undefined]]);
	for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
		const path = join(entry.parentPath, entry.name);
		if (isPassing(path)) continue;
		if (entry.isDirectory()) found.set(path, undefined);
		else if (entry.isFile()) {
			found.set(path, { content: readFileSync(path), mode: statSync(path).mode & 0o777 });
		}
	}
	return found;
}
