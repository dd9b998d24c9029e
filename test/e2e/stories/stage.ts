/**
 * Everything a story needs, on one machine and all of it real but claude and the provider's name: a PC
 * with `baton`, a VPS with `batond` behind OpenSSH and a forced command, a rotating OAuth server and a
 * resource server that takes living access tokens only. Between the two is a link that can be cut.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import type { Child, runChild } from "../../parts/child-process.ts";
import { type CuttingProxy, startCuttingProxy } from "../../parts/cutting-proxy.ts";
import type {
	Account,
	ClaudeAiOauth,
	LoginOptions,
	OAuthServer,
} from "../../parts/oauth-control.ts";
import { startOAuthServer } from "../../parts/oauth-server.ts";
import { environmentWithClock } from "../../parts/other-clock.ts";
import { type ResourceServer, startResourceServer } from "../../parts/resource-server.ts";
import { mountSmallDisk, type SmallDisk } from "../../parts/small-disk.ts";
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
	/** A disk of its own, full or read-only as the story wants it: for the state of either, or the VPS's claude. */
	smallDisk?: "state" | "claude" | "pc state";
	/** How far the clock of each is ahead of the provider's, ms; not at all unless given. */
	ahead?: { pc?: number; vps?: number };
}

/** Another PC, with a key of its own. */
export interface OtherPc {
	readonly pc: BatonPc;
	watch(): Promise<Child>;
	baton(...args: string[]): ReturnType<typeof runChild>;
	startBaton(...args: string[]): Promise<Child>;
	/** Steps of its hand-overs under way. */
	steps(): string[];
}

/** Another VPS, paired with the first PC under a name of its own. */
export interface OtherVps {
	readonly host: string;
	readonly vps: BatondHost;
	/** Between the PC and its sshd. */
	readonly link: CuttingProxy;
	readonly sshd: Sshd;
	serve(): Promise<Child>;
	batond(...args: string[]): ReturnType<typeof runChild>;
	audit(): AuditLine[];
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
	/** @throws unless the options ask for one */
	disk(): SmallDisk;
	/** `baton watch`, and `batond serve`, once they are up. */
	watch(env?: Environment): Promise<Child>;
	serve(env?: Environment): Promise<Child>;
	/** Any command of either, to its end; `start` only begins it. */
	baton(...args: string[]): ReturnType<typeof runChild>;
	batond(...args: string[]): ReturnType<typeof runChild>;
	startBaton(...args: string[]): Promise<Child>;
	/** Remembers a program that the story starts itself, for what it says. */
	keep(child: Child): Child;
	/** A program that uses what is published, in claude's folder unless given. Stopped with the stage. */
	consume(folder?: string): Consumer;
	/** Everything that was said so far, by everybody. */
	said(): Record<string, string>;
	/** What the audit log tells, oldest first. */
	audit(): AuditLine[];
	/** Mints the login that the next `/login` will yield, so that a story knows it beforehand. */
	nextLogin(options?: LoginOptions): Promise<ClaudeAiOauth>;
	/** Pairs one more PC. Its logins come from the same person. */
	addPc(device: string): OtherPc;
	readonly otherPcs: readonly OtherPc[];
	/** One more VPS for the first PC, which the same key lets in. */
	addVps(host: string): Promise<OtherVps>;
	readonly otherVpses: readonly OtherVps[];
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

/** What is held up at the provider is waited for, however slow the machine. */
export const PATIENT = { timing: { requestLimit: "40s", deadConfirm: "500ms" } } as const;

/** The name of the VPS on the PC. */
export const HOST = "myvps";

export async function raiseStage(options: StageOptions = {}): Promise<Stage> {
	const { accessTokenSeconds = 600, killOldAccess = true, login = "dedicated" } = options;
	const { followLogin = "when-needed", ahead = {} } = options;
	const provider = await startOAuthServer({ accessTokenSeconds, killOldAccess });
	const isLive = async (token: string) => (await provider.liveAccess(token)) !== undefined;
	const resource = await startResourceServer({ isLive });
	const vpsClock = environmentWithClock(ahead.vps ?? 0);
	const vps = makeBatondHost(provider, options.vps, vpsClock);
	mkdirSync(vps.claudeFolder, { mode: 0o700 });
	const person = onePerson(provider, ahead.pc ?? 0);
	const makePc = () => makeBatonPc(person, options.pc, environmentWithClock(ahead.pc ?? 0));
	const pc = makePc();
	const disk = diskFor(vps, pc, options.smallDisk);
	const key = makeSshKey();
	const sshd = await startSshd({
		authorizedKeys: [authorizedKey(vps, key, "laptop", vpsClock)],
		environment: { HOME: vps.scratch.path },
	});
	const link = await startCuttingProxy(sshd.port);
	const pair = (its: BatonPc, itsKey: SshKey) => {
		const identity = writeSshKey(itsKey, its.scratch.at("device_key"));
		its.addHost(HOST, { ...sshd, port: link.port }, identity, { login, followLogin });
	};
	pair(pc, key);

	const children: { name: string; child: Child }[] = [];
	const ended: Record<string, string> = {};
	const consumers: Consumer[] = [];
	const otherPcs: OtherPc[] = [];
	const otherVpses: OtherVps[] = [];
	const marks = [pc.scratch.path, vps.scratch.path];
	const processes = watchProcesses(marks);
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
		disk() {
			if (disk === undefined) throw new Error("this stage has no small disk");
			return disk;
		},
		keep,
		watch: async (env) => keep(await pc.watch(env), "baton watch"),
		serve: async (env) => keep(await vps.serve(env), "batond serve"),
		baton: (...args) => note(`baton ${args.join(" ")}`, pc.run(...args)),
		batond: (...args) => note(`batond ${args.join(" ")}`, vps.run(...args)),
		startBaton: async (...args) => keep(await pc.start(...args), `baton ${args.join(" ")}`),
		consume(folder = vps.claudeFolder) {
			const consumer = startConsumer(`${folder}/.credentials.json`, resource.url);
			consumers.push(consumer);
			return consumer;
		},
		said() {
			const spoken = children.map(({ name, child }) => [name, child.stdout() + child.stderr()]);
			return { ...ended, ...Object.fromEntries(spoken), sshd: sshd.log() };
		},
		nextLogin: person.nextLogin,
		otherPcs,
		addPc(device) {
			const [its, itsKey] = [makePc(), makeSshKey()];
			appendFileSync(sshd.authorizedKeysFile, `${authorizedKey(vps, itsKey, device, vpsClock)}\n`);
			pair(its, itsKey);
			marks.push(its.scratch.path);
			const other: OtherPc = {
				pc: its,
				watch: async () => keep(await its.watch(), `baton watch of ${device}`),
				baton: (...args) => note(`baton ${args.join(" ")} of ${device}`, its.run(...args)),
				startBaton: async (...args) =>
					keep(await its.start(...args), `baton ${args.join(" ")} of ${device}`),
				steps: () => stepsOf(its),
			};
			otherPcs.push(other);
			return other;
		},
		otherVpses,
		async addVps(host) {
			const its = makeBatondHost(provider, options.vps, vpsClock);
			mkdirSync(its.claudeFolder, { mode: 0o700 });
			const itsSshd = await startSshd({
				authorizedKeys: [authorizedKey(its, key, "laptop", vpsClock)],
				environment: { HOME: its.scratch.path },
			});
			const itsLink = await startCuttingProxy(itsSshd.port);
			const identity = pc.scratch.at("device_key");
			pc.addHost(host, { ...itsSshd, port: itsLink.port }, identity, { login, followLogin });
			marks.push(its.scratch.path);
			const other: OtherVps = {
				host,
				vps: its,
				link: itsLink,
				sshd: itsSshd,
				serve: async () => keep(await its.serve(), `batond serve of ${host}`),
				batond: (...args) => note(`batond ${args.join(" ")} of ${host}`, its.run(...args)),
				audit: () => auditOf(its),
			};
			otherVpses.push(other);
			return other;
		},
		audit: () => auditOf(vps),
		steps: () => stepsOf(pc),
		ownToken: () => pc.claude.read()?.claudeAiOauth?.refreshToken,
		async close() {
			processes.stop();
			await Promise.all(consumers.map((consumer) => consumer.stop()));
			await Promise.all(children.map(({ child }) => child.stop()));
			for (const one of [{ link, sshd }, ...otherVpses]) {
				await one.link.close();
				await one.sshd.stop();
			}
			await Promise.all([provider.close(), resource.close()]);
			const others = [
				...otherPcs.map((other) => other.pc),
				...otherVpses.map((other) => other.vps),
			];
			const machines = [vps, pc, ...others];
			for (const { scratch } of machines) scratch.remove();
		},
	};
}

function diskFor(
	vps: BatondHost,
	pc: BatonPc,
	what: StageOptions["smallDisk"],
): SmallDisk | undefined {
	if (what === undefined) return undefined;
	const folders = { state: vps.stateFolder, claude: vps.claudeFolder, "pc state": pc.stateFolder };
	mkdirSync(folders[what], { recursive: true, mode: 0o700 });
	return mountSmallDisk(folders[what]);
}

function authorizedKey(
	vps: BatondHost,
	{ publicKey }: SshKey,
	device: string,
	environment: Environment,
): string {
	const { argv } = vps.optionsOf(["accept", "--device", device]);
	const settings = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
	const words = [...(settings.length > 0 ? ["env", ...settings] : []), ...argv];
	const command = words.map((word) => `'${word}'`).join(" ");
	return `restrict,command="${command}" ${publicKey} baton:${device}`;
}

function auditOf(vps: BatondHost): AuditLine[] {
	return linesOf<AuditLine>(vps.scratch.at("state", "audit.jsonl"));
}

function stepsOf(pc: BatonPc): string[] {
	return existsSync(pc.recordFile) ? storedRecord(pc).handovers.map(({ step }) => step) : [];
}

const DAY_SECONDS = 24 * 3600;

interface Person extends Pick<OAuthServer, "mintLogin" | "tokenUrl" | "revokeUrl" | "clientId"> {
	nextLogin(options?: LoginOptions): Promise<ClaudeAiOauth>;
}

export const ALICE: Account = {
	uuid: "00000000-0000-4000-8000-00000000a11c",
	email: "alice@example.invalid",
	organizationUuid: "00000000-0000-4000-8000-0000000000a1",
};

/**
 * All logins are of one account unless said otherwise, and each ends a day later than the one before,
 * as in life.
 *
 * @param aheadMs of the clock by which claude notes when its tokens end
 */
function onePerson(provider: OAuthServer, aheadMs: number): Person {
	const ready: ClaudeAiOauth[] = [];
	let made = 0;
	const mint = async (options?: LoginOptions) => {
		made += 1;
		const refreshTokenDeadlineSeconds = (30 + made) * DAY_SECONDS;
		const login = await provider.mintLogin({
			account: ALICE,
			refreshTokenDeadlineSeconds,
			...options,
		});
		login.expiresAt += aheadMs;
		login.refreshTokenExpiresAt += aheadMs;
		return login;
	};
	const { tokenUrl, revokeUrl, clientId } = provider;
	return {
		tokenUrl,
		revokeUrl,
		clientId,
		mintLogin: async () => ready.shift() ?? (await mint()),
		async nextLogin(options) {
			const login = await mint(options);
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
