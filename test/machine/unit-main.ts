/**
 * What the service's unit does under a real systemd, in the largest sandbox: run by a user of a booted machine
 * (`npm run unit-trial`). Says what it saw line by line; the first thing that is not as it should be ends it.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { deliver, deviceThrough, untilAnswered } from "../e2e/batond-host.ts";
import { until } from "../e2e/stories/until.ts";
import { startChild } from "../parts/child-process.ts";
import { isRunning } from "../parts/is-running.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import { makeRefreshingClaude } from "../parts/refreshing-claude.ts";

const BATOND = "/opt/project/packages/vps/dist/batond.mjs";
const HOME = homedir();
const SINK = join(HOME, ".claude/.credentials.json");
const SETTINGS = join(HOME, ".config/baton/batond.json");
const DROP_IN = join(HOME, ".config/systemd/user/batond.service.d/trial.conf");

const batondArgv = (...args: string[]) => [process.execPath, BATOND, ...args] as const;

function run(program: string, ...args: string[]): string {
	const { stdout, stderr, status } = spawnSync(program, args, { encoding: "utf8" });
	if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
	return stdout.trim();
}

const batond = (...args: string[]) => run(...batondArgv(...args));
const systemctl = (...args: string[]) => run("systemctl", "--user", ...args);
const property = (name: string) => systemctl("show", "batond", "--value", "--property", name);
const mainPid = () => property("MainPID");
const login = () => {
	const { names } = JSON.parse(batond("status", "--json")) as { names: Record<string, unknown>[] };
	return names[0] ?? {};
};

const env = { HOME, XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? "" };
const start = (...argv: [string, ...string[]]) => startChild({ argv, env });

function saw(what: string, isSo: boolean): void {
	if (!isSo) throw new Error(`it is not so that ${what}`);
	console.log(`ok  ${what}`);
}

function put(file: string, text: string): void {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	writeFileSync(file, text, { mode: 0o600 });
}

/** More lines for the unit, in force after a restart. */
function adjust(...lines: string[]): void {
	put(DROP_IN, `[Service]\n${lines.join("\n")}\n`);
	systemctl("daemon-reload");
	systemctl("restart", "batond");
}

const restarted = () =>
	until(
		"it is started anew",
		() => property("NRestarts") === "1" && property("ActiveState") === "active",
		Boolean,
		60_000,
	);

const provider = await startOAuthServer({ accessTokenSeconds: 3600 });
const { tokenUrl, profileUrl, revokeUrl } = provider;
const settings = (sinks: object) => ({
	provider: { tokenUrl, profileUrl, revokeUrl },
	timing: { requestLimit: "40s", deadConfirm: "500ms", witnessWait: "1s" },
	names: { default: { sinks } },
});
const claude = { claude: { type: "claude-code", configDir: "~/.claude" } };
put(SETTINGS, JSON.stringify(settings(claude)));

// The unit as it is shipped.
const unit = JSON.parse(batond("unit", "--start", "--json")) as {
	sandbox: string;
	reasons: string[];
};
console.log(`    ${run("systemctl", "--version").split("\n")[0]}; ${JSON.stringify(unit.reasons)}`);
saw("the full sandbox was tried and taken", unit.sandbox === "full");
saw("systemd was told that it is ready", property("ActiveState") === "active");
const proc = (name: string) => readFileSync(`/proc/${mainPid()}/${name}`, "utf8");
saw("it filters system calls", /\nSeccomp:\t2\n/.test(proc("status")));
saw("it has no capability, and can get none", /\nCapBnd:\t0+\n/.test(proc("status")));
saw("it can gain no new rights", /\nNoNewPrivs:\t1\n/.test(proc("status")));
saw("the system is read-only to it", / \/usr ro,/.test(proc("mountinfo")));
saw("it dumps no core", /Max core file size +0 +0/.test(proc("limits")));
const [, exposure] =
	/exposure level for batond.service: ([\d.]+)/.exec(
		spawnSync("/usr/bin/systemd-analyze", ["--user", "security", "--no-pager", "batond"], {
			encoding: "utf8",
		}).stdout,
	) ?? [];
saw(`systemd rates it ${exposure}, 2.0 or less`, Number(exposure) > 0 && Number(exposure) <= 2);

// A login, in the sandbox.
const device = deviceThrough(await start(...batondArgv("accept", "--device", "pc")));
const fp = await deliver(device, await provider.mintLogin());
await untilAnswered(device, { type: "custody", fp }, "claimed");
device.child.endInput();
await until("the sink has it", () => existsSync(SINK));
saw("a login is claimed, and in the sink, in the home folder", login().state === "held");

// Reload.
put(
	SETTINGS,
	JSON.stringify(settings({ ...claude, env: { type: "env-file", path: "~/own/a.env" } })),
);
mkdirSync(join(HOME, "own"), { mode: 0o700 });
const before = mainPid();
systemctl("reload", "batond");
await until("the new sink has it", () => existsSync(join(HOME, "own/a.env")));
saw("a reload brings a new sink, by the same process", mainPid() === before);

// A stop during a refresh.
await provider.inject("token", { kind: "hold", when: "after" });
const refresh = await start(...batondArgv("refresh", "--force", "--yes"));
await provider.untilHeld(1, 30_000);
const stop = await start("systemctl", "--user", "stop", "batond");
await until("it is stopping", () => property("ActiveState") === "deactivating");
await pause(2_000);
saw("a stop waits for a refresh that is under way", property("ActiveState") === "deactivating");
await provider.release();
await stop.ended(60_000);
await refresh.ended(60_000);
saw("and ends in order", property("Result") === "success");
systemctl("start", "batond");
await until("the newest token is there", () => login().generation === 2);
saw("whose outcome is there after the next start", login().state === "held");

// The service is killed while claude refreshes.
process.env.TMPDIR = join(HOME, "scratch");
mkdirSync(process.env.TMPDIR, { mode: 0o700 });
const program = makeRefreshingClaude(provider);
program.plays({ lagsMs: 8_000 });
put(SETTINGS, JSON.stringify({ ...settings(claude), engine: "claude-cli", claude: program.path }));
adjust("RestartSec=1");
await until("claude is found", () =>
	batond("status").includes("engine claude-cli: claude 2.1.330"),
);
const asked = await start(...batondArgv("refresh", "--force", "--yes"));
await until("claude runs", () => program.runs().length === 1);
process.kill(Number(mainPid()), "SIGKILL");
await restarted();
saw("claude outlives the service that started it", isRunning(program.runs()[0]?.pid ?? 0));
await until("its outcome is there", () => login().generation === 3 && login().state === "held");
saw("and what it brought is found by the next one", program.runs().length === 1);
await asked.stop();

// The watchdog.
adjust("WatchdogSec=6", "RestartSec=1");
await pause(13_000);
saw("the watchdog is fed: no restart in twice its time", property("NRestarts") === "0");
process.kill(Number(mainPid()), "SIGSTOP");
await restarted();
saw(
	"a service that hangs is killed and started anew, and holds the login",
	login().state === "held",
);

// The key.
const key = join(HOME, ".config/baton/batond.key");
adjust(`LoadCredential=batond.key:${key}`);
const origin = /the key is .*/.exec(batond("status"))?.[0];
console.log(`    with LoadCredential: ${origin}`);
rmSync(DROP_IN);

saw("no refresh token was spent twice", (await provider.spentTwice()).length === 0);
await provider.close();
systemctl("stop", "batond");
