import { expect } from "vitest";
import { holdClaudeLock } from "./claude-lock.ts";
import { kill } from "./killed-service.ts";
import { published, reached, settled, statusWords, whats } from "./milestones.ts";
import { HOST } from "./stage.ts";
import { story } from "./story.ts";

const NOT_RUNNING = "the service on this host is not running";

story("the service is down: the PC keeps the login, says so, and waits", {}, async (stage) => {
	const claude = stage.pc.claudeFor(HOST);
	const watcher = await stage.watch();
	const login = await claude.login();
	await watcher.line(new RegExp(`"kind":"host-unreachable".*${NOT_RUNNING}`));
	expect(claude.read()?.claudeAiOauth).toEqual(login);
	expect([stage.steps(), stage.pc.escrows()]).toEqual([["pending"], []]);
	const { stdout } = await stage.baton("status");
	expect(stdout).toContain(NOT_RUNNING);
	expect(stdout).toContain("to be offered; nothing has been touched");

	const service = await stage.serve();
	await watcher.line(/"kind":"handed-over"/, 20_000);
	await settled(stage);
	await published(stage);
	return { running: [service, watcher], logins: [[login, "vps current"]] };
});

story("the host is gone at a hand-over asked for: it says so and ends", {}, async (stage) => {
	const claude = stage.pc.claudeFor(HOST);
	const login = await claude.login();
	stage.link.refuse(true);
	const { code, stderr } = await stage.baton("handover", HOST);
	expect([code, stderr]).toEqual([12, expect.stringContaining("cannot reach")]);
	expect(claude.read()?.claudeAiOauth).toEqual(login);
	stage.link.refuse(false);
	const service = await stage.serve();
	expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
	await settled(stage);
	return { running: [service], logins: [[login, "vps current"]] };
});

story(
	"the service is down at a hand-over asked for: it says so, and a watcher delivers later",
	{},
	async (stage) => {
		const claude = stage.pc.claudeFor(HOST);
		const login = await claude.login();
		const asked = await stage.baton("handover", HOST);
		expect([asked.code, asked.stdout]).toEqual([12, expect.stringContaining(NOT_RUNNING)]);
		expect(asked.stdout).toContain("to be offered; nothing has been touched");
		expect(asked.stderr).toContain("next: look on the host: batond status");
		expect(claude.read()?.claudeAiOauth).toEqual(login);
		expect(await statusWords(stage)).toContain("nothing goes on until it runs: baton watch");

		const service = await stage.serve();
		const watcher = await stage.watch();
		await settled(stage);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);

story(
	"the service dies between its promise and the delivery: the escrow keeps the login",
	{},
	async (stage) => {
		const { pc } = stage;
		const first = await stage.serve();
		const letGo = holdClaudeLock(pc.scratch.at("state", "logins", HOST));
		const login = await pc.claudeFor(HOST).login();
		const asking = await stage.startBaton("handover", HOST);
		await reached(stage, "taking");
		await kill(first);
		letGo();
		await asking.line(new RegExp(`no answer: ${NOT_RUNNING}`), 20_000);
		expect([stage.steps(), pc.escrows().length]).toEqual([["taken"], 1]);
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toBeUndefined();

		asking.kill("SIGINT");
		expect(await asking.ended()).toMatchObject({ code: 1 });
		expect(asking.stderr()).toContain("what has begun goes on when baton runs again");
		const shown = await statusWords(stage);
		expect(shown).toContain("in transit: nobody may spend it until myvps has claimed it");
		expect(shown).toContain("nothing goes on until it runs: baton watch");

		const service = await stage.serve();
		const watcher = await stage.watch();
		await settled(stage);
		expect(whats(stage)).toEqual(["staged", "claimed"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);
