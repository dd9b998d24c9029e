/**
 * Everything a story needs, on one machine and all of it real but claude and the provider's name: a PC
 * with `baton`, a VPS with `batond` behind OpenSSH and a forced command, a rotating OAuth server and a
 * resource server that takes living access tokens only. Between the two is a link that can be cut.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import type { Child, runChild } from "../../parts/child-process.ts";
import { type CuttingProxy, startCuttingProxy } from "../../parts/cutting-proxy.ts";
import type { Account, ClaudeAiOauth, OAuthServer } from "../../parts/oauth-control.ts";
import { startOAuthServer } from "../../parts/oauth-server.ts";
import { type ResourceServer, startResourceServer } from "../../parts/resource-server.ts";
import { makeSshKey, type SshKey, writeSshKey } from "../../parts/ssh-key.ts";
import { type Sshd, startSshd } from "../../parts/sshd.ts";
import { type BatonPc, makeBatonPc, storedRecord } from "../baton-pc.ts";
import { type BatondHost, makeBatondHost } from "../batond-host.ts";
import { type Consumer, startConsumer } from "./consumer.ts";
import { type ProcessWatch, watchProcesses } from "./process-watch.ts";

type Json = Record<string, unknown>;
type Environment = Record<string, string>;

export interface StageOptions {
	/** How the host's logins are made; a folder of its own unless given. */
	login?: "dedicated" | "follow-login";
	/** Whether the host's own need opens a permit; it does unless said otherwise. */
	followLogin?: "when-needed" | "when-asked";
	/** Lifetime of access tokens, whole seconds; ten minutes unless given. */
	accessTokenSeconds?: number;
	/** A rotation kills the access token before it; it does unless said otherwise. */
	killOldAccess?: boolean;
	/** More of the PC's settings, and of the VPS's. */
	pc?: Json;
	vps?: Json;
}

export interface Stage {
	readonly provider: OAuthServer;
	readonly resource: ResourceServer;
	readonly sshd: Sshd;
	/** Between the PC and sshd. */
	readonly link: CuttingProxy;
	readonly pc: BatonPc;
	readonly vps: BatondHost;
	/** The PC's key, for who wants to speak in its place. */
	readonly key: SshKey;
	readonly processes: ProcessWatch;
	/** `baton watch`, and `batond serve`, once they are up. */
	watch(env?: Environment): Promise<Child>;
	serve(env?: Environment): Promise<Child>;
	/** Any command of either, to its end; `start` only begins it. */
	baton(...args: string[]): ReturnType<typeof runChild>;
	batond(...args: string[]): ReturnType<typeof runChild>;
	startBaton(...args: string[]): Promise<Child>;
	/** Remembers a program that the story starts itself, for what it says. */
	keep(child: Child): Child;
	/** A program that uses what is published. Stopped with the stage. */
	consume(): Consumer;
	/** Everything that was said so far, by everybody. */
	said(): Record<string, string>;
	/** What the audit log tells, oldest first. */
	audit(): AuditLine[];
	/** Mints the login that the next `/login` will yield, so that a story knows it beforehand. */
	nextLogin(): Promise<ClaudeAiOauth>;
	/** Steps of the hand-overs under way, as they lie on the PC's disk. */
	steps(): string[];
	/** The refresh token in the PC's own store. */
	ownToken(): string | undefined;
	close(): Promise<void>;
}

export interface AuditLine {
	what: string;
	fp?: string;
	lineageId?: string;
	generation?: number;
	reason?: string;
}

/** The name of the VPS on the PC. */
export const HOST = "myvps";

export async function raiseStage(options: StageOptions = {}): Promise<Stage> {
	const { accessTokenSeconds = 600, killOldAccess = true, login = "dedicated" } = options;
	const { followLogin = "when-needed" } = options;
	const provider = await startOAuthServer({ accessTokenSeconds, killOldAccess });
	const isLive = async (token: string) => (await provider.liveAccess(token)) !== undefined;
	const resource = await startResourceServer({ isLive });
	const vps = makeBatondHost(provider, options.vps);
	mkdirSync(vps.claudeFolder, { mode: 0o700 });
	const person = onePerson(provider);
	const pc = makeBatonPc(person, options.pc);
	const key = makeSshKey();
	const sshd = await startSshd({
		authorizedKeys: [authorizedKey(vps, key)],
		environment: { HOME: vps.scratch.path },
	});
	const link = await startCuttingProxy(sshd.port);
	const identity = writeSshKey(key, pc.scratch.at("device_key"));
	pc.addHost(HOST, { ...sshd, port: link.port }, identity, { login, followLogin });

	const children: { name: string; child: Child }[] = [];
	const ended: Record<string, string> = {};
	const consumers: Consumer[] = [];
	const processes = watchProcesses([pc.scratch.path, vps.scratch.path]);
	const keep = (child: Child, name = "program") => {
		children.push({ name: `${name} (process ${child.pid})`, child });
		return child;
	};
	const note = async (name: string, ending: ReturnType<typeof runChild>) => {
		const { stdout, stderr, ...exit } = await ending;
		ended[`${name}, run ${Object.keys(ended).length + 1}`] = stdout + stderr;
		return { stdout, stderr, ...exit };
	};
	return {
		provider,
		resource,
		sshd,
		link,
		pc,
		vps,
		key,
		processes,
		keep,
		watch: async (env) => keep(await pc.watch(env), "baton watch"),
		serve: async (env) => keep(await vps.serve(env), "batond serve"),
		baton: (...args) => note(`baton ${args.join(" ")}`, pc.run(...args)),
		batond: (...args) => note(`batond ${args.join(" ")}`, vps.run(...args)),
		startBaton: async (...args) => keep(await pc.start(...args), `baton ${args.join(" ")}`),
		consume() {
			const consumer = startConsumer(`${vps.claudeFolder}/.credentials.json`, resource.url);
			consumers.push(consumer);
			return consumer;
		},
		said() {
			const spoken = children.map(({ name, child }) => [name, child.stdout() + child.stderr()]);
			return { ...ended, ...Object.fromEntries(spoken), sshd: sshd.log() };
		},
		nextLogin: person.nextLogin,
		audit: () => linesOf<AuditLine>(vps.scratch.at("state", "audit.jsonl")),
		steps: () =>
			existsSync(pc.recordFile) ? storedRecord(pc).handovers.map(({ step }) => step) : [],
		ownToken: () => pc.claude.read()?.claudeAiOauth?.refreshToken,
		async close() {
			processes.stop();
			await Promise.all(consumers.map((consumer) => consumer.stop()));
			await Promise.all(children.map(({ child }) => child.stop()));
			await link.close();
			await sshd.stop();
			await Promise.all([provider.close(), resource.close()]);
			for (const { scratch } of [pc, vps]) scratch.remove();
		},
	};
}

function authorizedKey(vps: BatondHost, { publicKey }: SshKey): string {
	const { argv } = vps.optionsOf(["accept", "--device", "laptop"]);
	const words = argv.map((word) => `'${word}'`);
	return `restrict,command="${words.join(" ")}" ${publicKey} baton:laptop`;
}

const DAY_SECONDS = 24 * 3600;

interface Person extends Pick<OAuthServer, "mintLogin" | "tokenUrl" | "revokeUrl" | "clientId"> {
	nextLogin(): Promise<ClaudeAiOauth>;
}

/** All logins are of one account, and each ends a day later than the one before, as in life. */
function onePerson(provider: OAuthServer): Person {
	const account: Account = {
		uuid: "00000000-0000-4000-8000-00000000a11c",
		email: "alice@example.invalid",
		organizationUuid: "00000000-0000-4000-8000-0000000000a1",
	};
	const ready: ClaudeAiOauth[] = [];
	let made = 0;
	const mint = () => {
		made += 1;
		return provider.mintLogin({ account, refreshTokenDeadlineSeconds: (30 + made) * DAY_SECONDS });
	};
	const { tokenUrl, revokeUrl, clientId } = provider;
	return {
		tokenUrl,
		revokeUrl,
		clientId,
		mintLogin: async () => ready.shift() ?? (await mint()),
		async nextLogin() {
			const login = await mint();
			ready.push(login);
			return login;
		},
	};
}

function linesOf<T>(file: string): T[] {
	if (!existsSync(file)) return [];
	const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
	return lines.map((line) => JSON.parse(line) as T);
}
