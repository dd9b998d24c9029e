/** `baton login HOST`, from the browser's end to the custodian, however it goes. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../../parts/canary.ts";
import { type ClaudeProgram, makeClaudeProgram } from "../../parts/claude-program.ts";
import { startInTerminal } from "../../parts/in-terminal.ts";
import { reached, settled } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const folderOf = ({ pc }: Stage) => pc.scratch.at("state", "logins", HOST);

/** A claude whose browser yields the login that is then known. */
async function claudeWith(stage: Stage, scene: Parameters<ClaudeProgram["plays"]>[0] = {}) {
	const claude = makeClaudeProgram();
	const login = await stage.nextLogin();
	claude.plays({ login, ...scene });
	return { claude, login, args: ["login", HOST, "--claude", claude.path] as const };
}

async function inTerminal(stage: Stage, args: readonly string[], env?: Record<string, string>) {
	const terminal = await startInTerminal(stage.pc.optionsOf([...args], env));
	stage.keep(terminal);
	return terminal;
}

const lines = (text: string) => text.trim().split("\n");

story("baton login: a new login goes to the host, without a watcher", {}, async (stage) => {
	const service = await stage.serve();
	const own = await stage.pc.claude.login();
	const { claude, login, args } = await claudeWith(stage);
	const { code, stdout, stderr } = await stage.baton(...args);
	expect([code, stdout]).toEqual([0, `handed over to ${HOST}\n`]);
	expect(lines(stderr)).toEqual([
		`asking ${HOST}`,
		`claude logs in for ${HOST} now; this PC's own login stays as it is`,
		"Opening browser to sign in…",
		"Login successful.",
		"login seen",
		"offered",
		"taken",
		"delivered",
		...(stderr.includes("\nclaiming\n") ? ["claiming"] : []),
		"claimed, generation 1",
	]);
	expect(claude.runs()).toMatchObject([{ args: ["auth", "login"] }]);
	expect(statSync(folderOf(stage)).mode & 0o777).toBe(0o700);
	await settled(stage);
	return {
		running: [service],
		logins: [
			[login, "vps current"],
			[own, "pc store"],
		],
	};
});

story("baton login: a watcher may be quicker than baton login itself", {}, async (stage) => {
	const running = [await stage.serve(), await stage.watch()];
	const { login, args } = await claudeWith(stage, { waits: "after" });
	const terminal = await inTerminal(stage, args);
	await terminal.line(/Login successful/);
	await settled(stage);
	terminal.ctrlC();
	expect(await terminal.ended()).toMatchObject({ code: 0 });
	expect(terminal.stdout()).toContain(`handed over to ${HOST}`);
	const again = await claudeWith(stage);
	const replaced = await stage.baton(...again.args, "--replace", "--json");
	expect(JSON.parse(lines(replaced.stdout).at(-1) ?? "")).toMatchObject({
		ok: true,
		result: "handed-over",
		host: HOST,
	});
	await settled(stage, 2);
	return {
		running,
		logins: [
			[again.login, "vps current"],
			[login, "nowhere"],
		],
	};
});

story(
	"baton login: claude is found on the PATH, and nothing leads it elsewhere",
	{},
	async (stage) => {
		const service = await stage.serve();
		const { claude, login } = await claudeWith(stage);
		const env = {
			PATH: `/nonexistent:${claude.folder}:${process.env.PATH}`,
			ANTHROPIC_API_KEY: "k",
			ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
			CLAUDE_CODE_OAUTH_TOKEN: "t",
			CLAUDE_CODE_USE_BEDROCK: "1",
			CLAUDECODE: "1",
			CLAUDE_SECURESTORAGE_CONFIG_DIR: "/elsewhere",
			CLAUDE_CONFIG_DIR: "/elsewhere",
			CLAUDE_CODE_OAUTH_SCOPES: "user:inference",
			HTTPS_PROXY: "http://127.0.0.1:9",
			NODE_EXTRA_CA_CERTS: "",
		};
		const terminal = await inTerminal(stage, ["login", HOST], env);
		expect(await terminal.ended(30_000)).toMatchObject({ code: 0 });
		const [ran] = claude.runs();
		expect(ran?.onTerminal).toBe(true);
		const names = Object.keys(ran?.env ?? {}).filter((name) =>
			/CLAUDE|ANTHROPIC|PROXY|CA_/.test(name),
		);
		expect(names.sort()).toEqual([
			"CLAUDE_CODE_OAUTH_SCOPES",
			"CLAUDE_CONFIG_DIR",
			"HTTPS_PROXY",
			"NODE_EXTRA_CA_CERTS",
		]);
		expect(ran?.env.CLAUDE_CONFIG_DIR).toBe(folderOf(stage));
		await settled(stage);
		return { running: [service], logins: [[login, "vps current"]] };
	},
);

story("baton login: claude's own files in the folder stay", {}, async (stage) => {
	const service = await stage.serve();
	const { login, args } = await claudeWith(stage);
	mkdirSync(folderOf(stage), { recursive: true, mode: 0o700 });
	const file = `${folderOf(stage)}/.claude.json`;
	writeFileSync(file, JSON.stringify({ theme: "dark" }));
	expect(await stage.baton(...args)).toMatchObject({ code: 0 });
	expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
		theme: "dark",
		hasCompletedOnboarding: true,
	});
	await settled(stage);
	return { running: [service], logins: [[login, "vps current"]] };
});

story("baton login: claude ends without a login, and nothing is changed", {}, async (stage) => {
	const running = [await stage.serve()];
	const claude = makeClaudeProgram();
	claude.plays({ code: 1 });
	const { code, stderr, stdout } = await stage.baton("login", HOST, "--claude", claude.path);
	expect([code, stdout]).toEqual([10, ""]);
	expect(lines(stderr).slice(-2)).toEqual([
		`error: claude ended without a login for ${HOST}, with exit code 1`,
		`next: nothing was changed; to try again: baton login ${HOST}`,
	]);
	expect(stage.steps()).toEqual([]);
	return { running, logins: [] };
});

story("baton login: no claude, and none that can be run", {}, async (stage) => {
	const missing = await inTerminal(stage, ["login", HOST], { PATH: "/nonexistent:." });
	expect(await missing.ended()).toMatchObject({ code: 1 });
	expect(missing.stdout()).toContain("there is no claude on the PATH");
	expect(missing.stdout()).toContain("next: install Claude Code, or name it: --claude PATH");
	const wrong = await stage.baton("login", HOST, "--claude", "/etc/passwd");
	expect([wrong.code, wrong.stderr]).toEqual([
		1,
		expect.stringContaining("/etc/passwd is no program"),
	]);
	expect(existsSync(folderOf(stage))).toBe(false);
	return { logins: [] };
});

story(
	"baton login: Ctrl-C before the login is made leaves nothing half-done",
	{},
	async (stage) => {
		const running = [await stage.serve()];
		const { login, args } = await claudeWith(stage, { waits: "before", leavesHalf: true });
		const terminal = await inTerminal(stage, args);
		await terminal.line(/Paste code/);
		terminal.ctrlC();
		expect(await terminal.ended()).toMatchObject({ code: 1 });
		expect(terminal.stdout()).toContain("interrupted before a login was made; nothing was changed");
		expect(readdirSync(folderOf(stage)).sort()).toEqual([".claude.json"]);
		expect(stage.steps()).toEqual([]);
		return { running, logins: [[login, "nowhere"]] };
	},
);

story("baton login: Ctrl-C after the login is made loses nothing; run again", {}, async (stage) => {
	const running = [await stage.serve()];
	const { claude, login, args } = await claudeWith(stage, { waits: "after" });
	const terminal = await inTerminal(stage, args);
	await terminal.line(/Login successful/);
	terminal.ctrlC();
	expect(await terminal.ended()).toMatchObject({ code: 1 });
	expect(terminal.stdout()).toContain(`interrupted, but the login for ${HOST} was made`);
	expect(terminal.stdout()).toContain(`and so does: baton login ${HOST}`);

	const again = await stage.baton(...args);
	expect([again.code, again.stdout]).toEqual([0, `handed over to ${HOST}\n`]);
	expect(again.stderr).toContain("is there already: no other is needed");
	expect(claude.runs()).toHaveLength(1);
	await settled(stage);
	return { running, logins: [[login, "vps current"]] };
});

story("baton login: interrupted in transit, and run again", {}, async (stage) => {
	const service = await stage.serve();
	const { claude, login, args } = await claudeWith(stage);
	await stage.provider.inject("token", { kind: "status", status: 503 }, "until-cleared");
	const first = await stage.startBaton(...args);
	await first.line(/^delivered/);
	await reached(stage, "taken");
	first.kill("SIGINT");
	expect(await first.ended()).toMatchObject({ code: 1 });
	await stage.provider.clearFaults("token");
	const { code, stdout, stderr } = await stage.baton(...args);
	expect([code, stdout]).toEqual([0, `handed over to ${HOST}\n`]);
	expect(stderr).toContain("is there already: no other is needed");
	expect(claude.runs()).toHaveLength(1);
	await settled(stage);
	return { running: [service], logins: [[login, "vps current"]] };
});

story("baton login: a host out of reach is said before the browser", {}, async (stage) => {
	const { claude, login, args } = await claudeWith(stage);
	stage.link.refuse(true);
	const refused = await stage.baton(...args);
	expect([refused.code, refused.stdout]).toEqual([12, ""]);
	expect(refused.stderr).toContain("; no login was made");
	expect(refused.stderr).toContain(`baton login ${HOST} --anyway`);
	expect(claude.runs()).toEqual([]);

	const later = await stage.baton(...args, "--anyway");
	expect([later.code, later.stdout]).toEqual([
		12,
		expect.stringContaining("nothing has been touched"),
	]);
	expect(stage.steps()).toEqual(["pending"]);
	stage.link.refuse(false);
	const running = [await stage.serve(), await stage.watch()];
	await settled(stage);
	return { running, logins: [[login, "vps current"]] };
});

story("baton login: a service that is down is said before the browser", {}, async (stage) => {
	const { claude, args, login } = await claudeWith(stage);
	const refused = await stage.baton(...args);
	expect([refused.code, refused.stderr]).toEqual([
		12,
		expect.stringContaining("the service on this host is not running; no login was made"),
	]);
	expect(claude.runs()).toEqual([]);
	return { logins: [[login, "nowhere"]] };
});

story("baton login: run twice, a healthy host wants --replace", {}, async (stage) => {
	const running = [await stage.serve()];
	const first = await claudeWith(stage);
	expect(await stage.baton(...first.args)).toMatchObject({ code: 0 });
	await settled(stage);
	const second = await claudeWith(stage);
	const declined = await stage.baton(...second.args);
	expect(declined.code).toBe(11);
	expect(lines(declined.stderr).slice(-2)).toEqual([
		`error: the login ${HOST} has is in good order, and it lasts 30 days yet: no other was made`,
		`next: to replace it all the same: baton login ${HOST} --replace`,
	]);
	expect(second.claude.runs()).toEqual([]);
	expect(await stage.baton(...second.args, "--replace")).toMatchObject({ code: 0 });
	await settled(stage, 2);
	return {
		running,
		logins: [
			[first.login, "nowhere"],
			[second.login, "vps current"],
		],
	};
});

const FOLLOW = { login: "follow-login" } as const;

story(
	"baton login: a host that follows this PC's logins gets one of its own",
	FOLLOW,
	async (stage) => {
		const own = await stage.pc.claude.login();
		const running = [await stage.serve(), await stage.watch()];
		const { login, args } = await claudeWith(stage);
		expect(await stage.baton(...args)).toMatchObject({
			code: 0,
			stdout: `handed over to ${HOST}\n`,
		});
		await settled(stage);
		expect(stage.ownToken()).toBe(own.refreshToken);
		const { stdout } = await stage.baton("status", "--json");
		await until("the permit is closed", async () => !stdout.includes('"permit"'));
		return {
			running,
			logins: [
				[login, "vps current"],
				[own, "pc store"],
			],
		};
	},
);

story("baton login: nothing it says or leaves bears a token", {}, async (stage) => {
	const running = [await stage.serve()];
	const { login, args } = await claudeWith(stage, { waits: "before", leavesHalf: true, code: 3 });
	const terminal = await inTerminal(stage, [...args, "--json"]);
	await terminal.line(/Paste code/);
	terminal.ctrlC();
	await terminal.ended();
	expect(terminal.stdout()).not.toMatch(CANARY_PATTERN);
	// Not even where a login would belong: none was made.
	expect(findLeaks({ pattern: CANARY_PATTERN, paths: [stage.pc.scratch.path] })).toEqual([]);
	expect(JSON.parse(lines(terminal.stdout()).at(-1) ?? "")).toMatchObject({
		ok: false,
		error: { code: "interrupted" },
	});
	return { running, logins: [[login, "nowhere"]] };
});
