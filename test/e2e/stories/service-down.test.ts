import { expect } from "vitest";
import { published, settled } from "./milestones.ts";
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
