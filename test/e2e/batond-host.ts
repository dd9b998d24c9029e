/** A host with the built `batond` on it: settings, state and a claude in a scratch folder. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Child, type ChildOptions, runChild, startChild } from "../parts/child-process.ts";
import type { ClaudeAiOauth, OAuthAddresses } from "../parts/oauth-control.ts";
import { makeScratch, type Scratch } from "../parts/scratch.ts";
import { fingerprintOf, lineageOf } from "../parts/token-ledger.ts";
import { until } from "./stories/until.ts";

const BATOND = fileURLToPath(new URL("../../packages/vps/dist/batond.mjs", import.meta.url));

type Json = Record<string, unknown>;

export interface BatondHost {
	readonly scratch: Scratch;
	/** The folder of the one `claude-code` sink. */
	readonly claudeFolder: string;
	readonly stateFolder: string;
	readonly configFolder: string;
	/** Starts the service and waits until it is ready. */
	serve(env?: Record<string, string>): Promise<Child>;
	/** Program, arguments and environment of a command, for another to start. */
	optionsOf(args: string[]): ChildOptions;
	/** Starts any command. */
	start(...args: string[]): Promise<Child>;
	/** Runs any command to its end. */
	run(...args: string[]): ReturnType<typeof runChild>;
	/** The facts of the one name in `batond status --json`. */
	status(): Promise<Json>;
	/** The access token of the sink's file, and whether a refresh token lies there. */
	sinkFile(): { accessToken: string; refreshToken: string };
}

/**
 * @param settings more of `batond.json`
 * @param environment of every `batond` here
 */
export function makeBatondHost(
	{ tokenUrl, profileUrl, revokeUrl }: OAuthAddresses,
	settings: Json = {},
	environment: Record<string, string> = {},
): BatondHost {
	const scratch = makeScratch();
	const configFolder = scratch.at("config");
	const stateFolder = scratch.at("state");
	const claudeFolder = scratch.at("claude");
	mkdirSync(configFolder, { mode: 0o700 });
	const config = scratch.at("config", "batond.json");
	const sinks = { claude: { type: "claude-code", configDir: claudeFolder } };
	const whole = {
		provider: { tokenUrl, profileUrl, revokeUrl },
		timing: { requestLimit: "2s", deadConfirm: "500ms", witnessWait: "2s" },
		names: { default: { sinks } },
		...settings,
	};
	writeFileSync(config, JSON.stringify(whole), { mode: 0o600 });
	const optionsOf = (args: string[], env?: Record<string, string>): ChildOptions => ({
		argv: [process.execPath, BATOND, ...args, "--config", config, "--state", stateFolder],
		env: { HOME: scratch.path, ...environment, ...env },
	});
	const run = (...args: string[]) => runChild(optionsOf(args));
	return {
		scratch,
		configFolder,
		stateFolder,
		claudeFolder,
		optionsOf,
		run,
		start: (...args) => startChild(optionsOf(args)),
		async serve(env) {
			const child = await startChild(optionsOf(["serve"], env));
			await child.line(/"msg":"ready"/);
			return child;
		},
		async status() {
			const { stdout, stderr } = await run("status", "--json");
			if (stdout === "") throw new Error(stderr);
			const { names } = JSON.parse(stdout) as { names: Json[] };
			return names[0] ?? {};
		},
		sinkFile() {
			const text = readFileSync(`${claudeFolder}/.credentials.json`, "utf8");
			return (JSON.parse(text) as { claudeAiOauth: ClaudeAiOauth }).claudeAiOauth;
		},
	};
}

/** A device that speaks through `batond accept`. */
export interface Device {
	/** Sends a request and waits for its answer. */
	ask(request: Json): Promise<Json>;
	/** Sends a line as it is. */
	say(line: string): void;
	readonly child: Child;
}

export async function connectDevice(host: BatondHost, device = "laptop"): Promise<Device> {
	return deviceThrough(await host.start("accept", "--device", device));
}

/** @param child a program that ends in `batond accept`, near or far */
export function deviceThrough(child: Child): Device {
	let last = 0;
	return {
		child,
		say: (line) => child.write(`${line}\n`),
		async ask(request) {
			last += 1;
			const id = `q${last}`;
			child.write(`${JSON.stringify({ v: 1, id, ...request })}\n`);
			return JSON.parse(await child.line(new RegExp(`"id":"${id}"`))) as Json;
		},
	};
}

export function offerOf(login: ClaudeAiOauth): Json {
	return {
		type: "offer",
		fp: fingerprintOf(login.refreshToken),
		lineageId: lineageOf(login.refreshToken),
		account: login.accountUuid,
		expiresAt: login.expiresAt,
		deadline: login.refreshTokenExpiresAt,
	};
}

/** Offers and delivers. Answers the fingerprint to ask about. */
export async function deliver(device: Device, login: ClaudeAiOauth): Promise<string> {
	const fp = fingerprintOf(login.refreshToken);
	const { type, nonce } = await device.ask(offerOf(login));
	if (type !== "accept") throw new Error(`the offer was answered with ${type}`);
	await device.ask({ type: "deliver", fp, nonce, session: { ...login } });
	return fp;
}

/** A device hands a login over, waits for the receipt and leaves. */
export async function handOver(host: BatondHost, login: ClaudeAiOauth): Promise<void> {
	const device = await connectDevice(host);
	const fp = await deliver(device, login);
	await untilAnswered(device, { type: "custody", fp }, "claimed");
	device.child.endInput();
	await device.child.ended();
}

/** Asks the same again, calmly: a conversation may have 64 requests. */
export async function untilAnswered(device: Device, request: Json, wanted: string): Promise<void> {
	const ask = async () => {
		await pause(250);
		return (await device.ask(request)).type;
	};
	await until(`the answer is ${wanted}`, ask, (type) => type === wanted, 15_000);
}
