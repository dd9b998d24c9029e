/** What happens on the stage, act by act. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Child } from "../../test/parts/child-process.ts";
import type { FakeClaude } from "../../test/parts/fake-claude.ts";
import type { Account, ClaudeAiOauth } from "../../test/parts/oauth-control.ts";
import { lineageOf } from "../../test/parts/token-ledger.ts";
import { endOf, LIMIT } from "./commands.ts";
import { logLine, narrateWatch } from "./narrator.ts";
import { HOST, type Stage } from "./stage.ts";

export interface Story {
	/** From the login's file to the receipt told to the person, ms. */
	readonly handoverMs: number;
	/** The host's reasons, in order. */
	readonly declined: string[];
	/** The logins that went to the vps, as they were made. */
	readonly handedOver: readonly ClaudeAiOauth[];
	/** The PC's own. */
	readonly own: ClaudeAiOauth;
}

const ACCOUNT: Account = {
	uuid: "00000000-0000-4000-8000-000000000001",
	email: "you@example.invalid",
	organizationUuid: "00000000-0000-4000-8000-000000000002",
};

/** Rotations of the first login after its claim. */
const ROTATIONS = 3;

/** @throws Error when something does not come as it should */
export async function tellStory(stage: Stage): Promise<Story> {
	const { pc, timeline } = stage;
	narrateWatch(stage.watch, ["copy-disarmed"], timeline);
	timeline.pulse = () => pulseOf(stage);

	timeline.act("a login on the pc goes to the vps");
	const { login, handoverMs, backup } = await handOverNextLogin(stage);

	timeline.act("an old copy of the file comes back on the pc");
	await putBack(backup, stage);

	timeline.act("the pc gets a login of its own");
	const own = await loginOnPc(stage);

	timeline.act("it is offered to the vps, which is in good order");
	const declined = await offerToHealthy(stage);

	timeline.act("the vps keeps its login alive, the consumer works on");
	await untilGeneration(1 + ROTATIONS, login, stage);

	timeline.act("a dedicated login takes its place");
	const dedicated = await handOverDedicated(stage);
	await untilGeneration(2, dedicated, stage);
	assertSame(own, pc.claude);

	timeline.act("who holds what now");
	await showStatus(stage);
	return { handoverMs, declined, handedOver: [login, dedicated], own };
}

function pulseOf({ consumer }: Stage) {
	if (consumer.requests === 0) return undefined;
	const { requests, refused } = consumer;
	const text = `${requests} requests so far, ${refused === 0 ? "none" : refused} refused`;
	return { who: "consumer" as const, text };
}

// The acts

async function handOverNextLogin(stage: Stage) {
	const { pc, consumer } = stage;
	const handover = await baton(stage, "handover", HOST, "--next-login", "--store", "normal");
	await handover.line(/run \/login in claude/, LIMIT);
	const login = await logIn(pc.claude, "~/.claude", stage);
	const loggedInAt = performance.now();
	const backup = readFileSync(pc.claude.credentialsPath, "utf8");
	await handover.line(/^handed over/, LIMIT);
	const handoverMs = Math.round(performance.now() - loggedInAt);
	await expectExit(handover, 0);
	sayDisarmed(stage);
	await until("the consumer works", () => consumer.requests > 0);
	return { login, handoverMs, backup };
}

/** As a backup, or a tool that keeps files the same on two machines, would do it. */
async function putBack(backup: string, stage: Stage): Promise<void> {
	const { pc, timeline, watch, provider, host } = stage;
	const beside = `${pc.claude.credentialsPath}.restored`;
	writeFileSync(beside, backup, { mode: 0o600 });
	renameSync(beside, pc.claude.credentialsPath);
	timeline.say("pc", "a backup of that file is put back, refresh token and all");
	await watch.line(/"kind":"copy-disarmed"/, LIMIT);
	sayDisarmed(stage);
	if (!(await provider.liveAccess(host.sinkFile().accessToken))) throw new Error("the login died");
	timeline.say("vps", "the login here lives: nobody has spent the old token");
}

async function loginOnPc(stage: Stage): Promise<ClaudeAiOauth> {
	const { pc, timeline, provider } = stage;
	const own = await logIn(pc.claude, "~/.claude", stage);
	// Long enough for several looks at the file and several words with the host.
	await pause(3_000);
	assertSame(own, pc.claude);
	const spent = await provider.presentations(lineageOf(own.refreshToken));
	if (spent.length > 0) throw new Error("somebody spent the PC's own login");
	timeline.say("pc", "left alone: the leave was for one login, and is used up");
	return own;
}

async function offerToHealthy(stage: Stage): Promise<string[]> {
	const { pc, timeline, watch } = stage;
	const before = readFileSync(pc.claude.credentialsPath, "utf8");
	const reasons: string[] = [];
	watch.onLine((text) => {
		const { kind, reason = "" } = logLine(text);
		if (kind === "declined") reasons.push(reason);
	});
	const handover = await baton(stage, "handover", HOST, "--store", "normal");
	await expectExit(handover, 11);
	await until("the watcher has told why", () => reasons.length > 0);
	if (readFileSync(pc.claude.credentialsPath, "utf8") !== before) throw new Error("file touched");
	timeline.say("pc", "exit code 11; the file is as it was");
	return reasons;
}

async function handOverDedicated(stage: Stage): Promise<ClaudeAiOauth> {
	const { pc, timeline, watch } = stage;
	narrateWatch(watch, ["login-seen", "taken", "handed-over"], timeline);
	const claude = pc.claudeFor(HOST);
	timeline.command("pc", `CLAUDE_CONFIG_DIR=STATE/logins/${HOST} claude auth login`);
	const login = await logIn(claude, `STATE/logins/${HOST}`, stage);
	await untilGeneration(1, login, stage);
	await until("the folder is empty", () => !claude.read()?.claudeAiOauth);
	timeline.say("pc", "that folder is empty again; ~/.claude was not touched");
	return login;
}

async function showStatus(stage: Stage): Promise<void> {
	const { commands, pc, host, timeline, provider } = stage;
	const status = await commands.baton(pc, "status");
	await endOf(status);
	timeline.output("pc", status.stdout());
	const service = await commands.batond(host, "status");
	await endOf(service);
	timeline.output("vps", service.stdout());
	const token = await commands.batond(host, "token");
	await endOf(token);
	const text = token.stdout().trim();
	if (!(await provider.liveAccess(text))) throw new Error("batond token gave no living token");
	timeline.say("vps", `${text.slice(0, 13)}… (not shown; the provider takes it)`);
}

// Parts of acts

/** Starts it, and tells what it says to the terminal while it runs. */
async function baton({ commands, pc, timeline }: Stage, ...args: string[]): Promise<Child> {
	const child = await commands.baton(pc, ...args);
	child.onLine((line) => timeline.say("pc", line));
	return child;
}

async function logIn(claude: FakeClaude, place: string, { timeline }: Stage) {
	const login = await claude.login(ACCOUNT);
	timeline.say("pc", `/login in claude: a fresh login in ${place}`);
	return login;
}

async function expectExit(child: Child, wanted: number): Promise<void> {
	const { code } = await endOf(child);
	if (code !== wanted) throw new Error(`a command ended with ${code} instead of ${wanted}`);
}

function sayDisarmed({ pc, timeline }: Stage): void {
	const { refreshToken } = pc.claude.read()?.claudeAiOauth ?? {};
	if (refreshToken !== "") throw new Error("the PC's copy is not disarmed");
	timeline.say("pc", `~/.claude/.credentials.json: "refreshToken": ""`);
}

function assertSame(login: ClaudeAiOauth, claude: FakeClaude): void {
	if (claude.read()?.claudeAiOauth?.refreshToken === login.refreshToken) return;
	throw new Error("the PC's own login is no longer in its place");
}

/** Until the vps has made so many rotations of this login, and the consumer uses what came of it. */
async function untilGeneration(wanted: number, login: ClaudeAiOauth, stage: Stage): Promise<void> {
	const { service, host, consumer } = stage;
	const lineage = `"lineage":"${lineageOf(login.refreshToken)}"`;
	const made = `"generation":${wanted}.*"msg":"(claimed|rotated)"`;
	await service.line(new RegExp(`${lineage}.*${made}`), LIMIT);
	const { stdout } = await host.run("token");
	await until("the consumer has its token", () => consumer.tokens.has(stdout.trim()));
}

/** @throws Error when it does not come true in time */
async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
	for (const deadline = Date.now() + LIMIT; Date.now() < deadline; await pause(50)) {
		if (await look()) return;
	}
	throw new Error(`in vain: waited until ${what}`);
}
