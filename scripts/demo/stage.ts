/**
 * What stands in for what: a scratch folder for the PC, another for the VPS, an SSH server on loopback
 * between them, and an OAuth server for the provider. The commands themselves are the real ones, with
 * settings that a person could write.
 */
import { type BatonPc, makeBatonPc } from "../../test/e2e/baton-pc.ts";
import { type BatondHost, makeBatondHost } from "../../test/e2e/batond-host.ts";
import type { Child } from "../../test/parts/child-process.ts";
import {
	type OAuthServerProcess,
	startOAuthServerProcess,
} from "../../test/parts/oauth-server-process.ts";
import { makeSshKey, writeSshKey } from "../../test/parts/ssh-key.ts";
import type { DemoOptions } from "./arguments.ts";
import { type Commands, endInOrder, LIMIT } from "./commands.ts";
import { Consumer } from "./consumer.ts";
import { narrateService } from "./narrator.ts";
import { DEVICE, startSshServer } from "./ssh-server.ts";
import type { Timeline } from "./timeline.ts";

/** Lifetime of an access token, seconds. The real ones live for hours. */
const TOKEN_SECONDS = 10;
/** Half of that life: also a busy machine then has its seconds to refresh in. */
const REFRESH = { before: "5s" };
const TIMING = { requestLimit: "10s", deadConfirm: "1s", witnessWait: "5s" };
/** A PC that looks and asks more often than it would have to. */
const PC_SETTINGS = { device: DEVICE, statusEvery: "2s", reconcileEvery: "1s" };
/** How long a consumer of a strict provider sends a request again, ms. */
const PATIENCE = 5_000;

export const HOST = "vps";

export interface Stage {
	readonly timeline: Timeline;
	readonly commands: Commands;
	readonly provider: OAuthServerProcess;
	readonly pc: BatonPc;
	readonly host: BatondHost;
	readonly consumer: Consumer;
	/** `baton watch` on the PC and `batond serve` on the VPS. */
	readonly watch: Child;
	readonly service: Child;
}

export interface StageOptions extends DemoOptions {
	readonly timeline: Timeline;
	readonly commands: Commands;
	/** To be run in the end, the last one first, whatever has happened. */
	readonly endings: (() => unknown)[];
}

/** @throws Error when a part does not come up; what has come up is in `endings` */
export async function setStage(options: StageOptions): Promise<Stage> {
	const provider = await startProvider(options);
	const host = makeBatondHost(provider, { refresh: REFRESH, timing: TIMING });
	options.endings.push(() => host.scratch.remove());
	const service = await startService(host, options);
	const pc = makeBatonPc(provider, PC_SETTINGS);
	options.endings.push(() => pc.scratch.remove());
	await openLine(pc, host, options);
	const watch = await startWatch(pc, options);
	const consumer = startConsumer(provider, host, options);
	const { timeline, commands } = options;
	return { timeline, commands, provider, pc, host, service, watch, consumer };
}

async function startProvider(options: StageOptions): Promise<OAuthServerProcess> {
	const { strict, timeline, endings } = options;
	timeline.say("provider", "an oauth server and a resource server start");
	const provider = await startOAuthServerProcess({
		accessTokenSeconds: TOKEN_SECONDS,
		killOldAccess: strict,
	});
	endings.push(() => provider.close());
	const old = strict ? "dies at once" : "lives on to its end";
	timeline.say("provider", "up; each refresh replaces the refresh token, for good");
	timeline.say("provider", `access tokens live ${TOKEN_SECONDS} s; a replaced one ${old}`);
	return provider;
}

async function startService(host: BatondHost, options: StageOptions): Promise<Child> {
	const { timeline, commands, endings } = options;
	const service = await commands.batond(host, "serve");
	endings.push(() => endInOrder(service));
	await service.line(/"msg":"ready"/, LIMIT);
	timeline.say("vps", "ready, no login yet");
	narrateService(service, timeline);
	return service;
}

async function openLine(pc: BatonPc, host: BatondHost, options: StageOptions): Promise<void> {
	const { sshd, timeline, endings } = options;
	const key = makeSshKey();
	const ssh = await startSshServer(host, key.publicKey, sshd);
	endings.push(() => ssh.stop());
	const which = sshd ? "openssh sshd" : "embedded sshd";
	timeline.say("vps", `${which} up; the pc's key may only run batond accept`);
	pc.addHost(HOST, ssh, writeSshKey(key, pc.scratch.at("config", "id_ed25519")));
	timeline.say("pc", `pinned: host key ${ssh.hostKeyFingerprint.slice(0, 20)}…`);
}

async function startWatch(pc: BatonPc, options: StageOptions): Promise<Child> {
	const { timeline, commands, endings } = options;
	const watch = await commands.baton(pc, "watch");
	endings.push(() => endInOrder(watch));
	await watch.line(/"msg":"watching"/, LIMIT);
	timeline.say("pc", "watching ~/.claude, and STATE/logins/vps");
	await watch.line(/"kind":"host-needs-login"/, LIMIT);
	timeline.say("pc", "the vps answers over ssh: it needs a login");
	return watch;
}

function startConsumer(
	{ resourceUrl }: OAuthServerProcess,
	host: BatondHost,
	{ timeline, strict, endings }: StageOptions,
): Consumer {
	const consumer = new Consumer({
		file: `${host.claudeFolder}/.credentials.json`,
		url: resourceUrl,
		patience: strict ? PATIENCE : 0,
		onToken: (request) => timeline.say("consumer", usesAccess(request)),
		onRefused: (request, why) => timeline.say("consumer", `request ${request} refused: ${why}`),
	});
	endings.push(() => consumer.stop());
	return consumer;
}

function usesAccess(request: number): string {
	if (request === 1) return "finds an access token in its file, begins to work";
	return `finds a new access token, uses it from request ${request} on`;
}
