/** A PC with the built `baton` on it: settings, state and a claude in a scratch folder. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Child, type ChildOptions, runChild, startChild } from "../parts/child-process.ts";
import { type FakeClaude, makeFakeClaude } from "../parts/fake-claude.ts";
import type { ClaudeAiOauth, OAuthServer } from "../parts/oauth-control.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import type { SshServer } from "../parts/ssh-server.ts";

const BATON = fileURLToPath(new URL("../../packages/pc/bin/baton.js", import.meta.url));

type Json = Record<string, unknown>;

export interface BatonPc {
	readonly scratch: Scratch;
	readonly stateFolder: string;
	readonly recordFile: string;
	readonly configFile: string;
	/** The claude of this PC. */
	readonly claude: FakeClaude;
	/** A claude in the folder of one host's own logins. */
	claudeFor(host: string): FakeClaude;
	/** Adds a host to the settings. */
	addHost(name: string, ssh: SshServer, identity: string, more?: Json): void;
	/** Starts `baton watch` and waits until it watches. */
	watch(env?: Record<string, string>): Promise<Child>;
	/** Program, arguments and environment of a command, for another to start. */
	optionsOf(args: string[], env?: Record<string, string>): ChildOptions;
	start(...args: string[]): Promise<Child>;
	run(...args: string[]): ReturnType<typeof runChild>;
	/** The object on the last line of standard output. */
	facts(...args: string[]): Promise<Json>;
	/** Files in escrow. */
	escrows(): string[];
}

/**
 * @param server where claude's logins come from; logins that no server knows unless given
 * @param more of `config.json`
 * @param environment of every `baton` here
 */
export function makeBatonPc(
	server: Partial<OAuthServer> = {},
	more: Json = {},
	environment: Record<string, string> = {},
): BatonPc {
	const scratch = makeScratch();
	for (const folder of ["config", "claude"]) mkdirSync(scratch.at(folder), { mode: 0o700 });
	const [configFile, stateFolder] = [scratch.at("config", "config.json"), scratch.at("state")];
	const settings = { claudeDir: scratch.at("claude"), hosts: {} as Json, ...more };
	const save = () => writeFileSync(configFile, JSON.stringify(settings));
	save();
	const logins = { mintLogin: async () => madeUpLogin(), ...server } as OAuthServer;
	const claudeIn = (configFolder: string) => makeFakeClaude({ configFolder, server: logins });
	const optionsOf = (args: string[], env?: Record<string, string>): ChildOptions => ({
		argv: [process.execPath, BATON, ...args, "--config", configFile, "--state", stateFolder],
		env: { HOME: scratch.path, ...environment, ...env },
	});
	const run = (...args: string[]) => runChild(optionsOf(args));
	return {
		scratch,
		stateFolder,
		configFile,
		recordFile: scratch.at("state", "pc.json"),
		claude: claudeIn(settings.claudeDir),
		claudeFor: (host) => claudeIn(scratch.at("state", "logins", host)),
		addHost(name, { port, user, hostKeyFingerprint: hostKey }, identity, more = {}) {
			settings.hosts[name] = { address: "127.0.0.1", port, user, hostKey, identity, ...more };
			save();
		},
		async watch(env) {
			const child = await startChild(optionsOf(["watch"], env));
			await child.line(/"msg":"watching"/);
			return child;
		},
		optionsOf,
		start: (...args) => startChild(optionsOf(args)),
		run,
		async facts(...args) {
			const { stdout, stderr } = await run(...args, "--json");
			const last = stdout.trim().split("\n").at(-1);
			if (!last) throw new Error(stderr);
			return JSON.parse(last) as Json;
		},
		escrows() {
			const folder = scratch.at("state", "escrow");
			return existsSync(folder)
				? readdirSync(folder).filter((name) => name.endsWith(".secret"))
				: [];
		},
	};
}

/** The record as it lies on the disk. */
export function storedRecord(pc: BatonPc): { handovers: { step: string }[]; permit?: object } {
	return (JSON.parse(readFileSync(pc.recordFile, "utf8")) as { data: never }).data;
}

let minted = 0;

function madeUpLogin(): ClaudeAiOauth {
	minted += 1;
	const token = (kind: string) =>
		`sk-ant-${kind}01-CANARY${minted}-${randomBytes(24).toString("hex")}`;
	return {
		accessToken: token("oat"),
		refreshToken: token("ort"),
		expiresAt: Date.now() + 8 * 3_600_000,
		// A login made later ends later.
		refreshTokenExpiresAt: Date.now() + (30 + minted) * 86_400_000,
		scopes: ["user:inference", "user:profile"],
		subscriptionType: "max",
		rateLimitTier: "default",
		accountUuid: "00000000-0000-4000-8000-000000000001",
		organizationUuid: "00000000-0000-4000-8000-000000000002",
	};
}
