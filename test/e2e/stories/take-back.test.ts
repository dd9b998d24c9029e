/** A person changes their mind while a login is in transit: what comes first at the host holds. */
import { expect } from "vitest";
import { storedRecord } from "../baton-pc.ts";
import { holdClaudeLock } from "./claude-lock.ts";
import { kill } from "./killed-service.ts";
import { done, outcomes, reached, settled, statusWords, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** The provider names no account yet, so the login stays unclaimed; until `letClaim`. */
async function staged(stage: Stage) {
	await stage.provider.inject("profile", { kind: "hold" }, "until-cleared");
	const service = await stage.serve();
	const watcher = await stage.watch();
	const login = await stage.pc.claudeFor(HOST).login();
	await told(stage, "staged");
	await stage.provider.untilHeld();
	await reached(stage, "taken");
	return { service, watcher, login };
}

async function letClaim({ provider }: Stage): Promise<void> {
	await provider.clearFaults();
	await provider.release();
}

/** It works on the PC again, and claude alone has spent it. */
async function worksOnPc(stage: Stage): Promise<void> {
	await done(stage);
	expect(await stage.pc.claudeFor(HOST).refresh({ force: true })).toBe("refreshed");
	expect(await outcomes(stage)).toEqual(["rotated"]);
	expect((await stage.provider.presentations())[0]?.userAgent).toBe("fake-claude");
}

story(
	"the take-back is first: the login is the PC's own again, and works there",
	{},
	async (stage) => {
		const { service, watcher, login } = await staged(stage);
		const asked = await stage.baton("take-back", HOST);
		expect([asked.code, asked.stdout]).toEqual([
			0,
			expect.stringContaining("the login is back on this PC: it was taken back"),
		]);
		await letClaim(stage);
		expect((await stage.batond("status")).stdout).toContain("default: no login yet");
		expect(whats(stage)).toEqual(["staged", "withdrawn"]);
		expect(await statusWords(stage)).toContain(
			"in its folder here, not handed over, since it was taken back",
		);
		await worksOnPc(stage);
		return { running: [service, watcher], logins: [[login, "pc dedicated folder"]] };
	},
);

story(
	"the claim is first: nothing is put back, and it says that it is too late",
	{
		pc: { link: { idle: "60s" } },
	},
	async (stage) => {
		const { pc, link } = stage;
		const service = await stage.serve();
		const watcher = await stage.watch();
		const letGo = holdClaudeLock(pc.scratch.at("state", "logins", HOST));
		const login = await pc.claudeFor(HOST).login();
		await reached(stage, "taking");
		link.now("black-hole", "down");
		letGo();
		await told(stage, "claimed");

		const asking = await stage.startBaton("take-back", HOST);
		await until("it is asked back", () => asksBack(stage));
		const shown = await statusWords(stage);
		expect(shown).toContain(
			`asked back: in transit until ${HOST} has let go of it, or has claimed it`,
		);
		expect(shown).toContain(`only if ${HOST} is gone for good: baton take-back ${HOST} --force`);
		link.now("cut");
		expect(await asking.ended(20_000)).toMatchObject({ code: 11 });
		expect(asking.stdout()).toContain(`too late: ${HOST} has claimed the login, and keeps it`);
		await settled(stage);
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toBeUndefined();
		expect(whats(stage)).toEqual(["staged", "claimed"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);

function asksBack({ pc }: Stage): boolean {
	const [handover] = storedRecord(pc).handovers as { takeBack?: string }[];
	return handover?.takeBack === "asked";
}

story(
	"while the claim is in doubt a take-back waits for its outcome",
	{
		vps: { timing: { requestLimit: "30s", deadConfirm: "500ms" } },
	},
	async (stage) => {
		const { pc, provider } = stage;
		const service = await stage.serve();
		const watcher = await stage.watch();
		await provider.inject("token", { kind: "hold", when: "after" });
		const login = await pc.claudeFor(HOST).login();
		await provider.untilHeld();
		const asking = await stage.startBaton("take-back", HOST);
		await asking.line(/claiming/, 20_000);
		expect(asking.exit()).toBeUndefined();
		expect([stage.steps(), pc.escrows().length]).toEqual([["taken"], 1]);
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toBeUndefined();

		await provider.release();
		expect(await asking.ended(20_000)).toMatchObject({ code: 11 });
		await settled(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);

/** Back by force, with the words that nobody can know whether the host has claimed it. */
async function forcedBack(stage: Stage): Promise<void> {
	const asked = await stage.baton("take-back", HOST, "--force");
	expect([asked.code, asked.stdout]).toEqual([
		0,
		expect.stringContaining("the login is back on this PC: it was taken back by force"),
	]);
	expect(asked.stderr).toContain(`if ${HOST} did claim it, one of the two will fail`);
}

story(
	"back by force, the host only out of reach: it hears of it before it claims",
	{},
	async (stage) => {
		const { service, watcher, login } = await staged(stage);
		stage.link.refuse(true);
		stage.link.now("cut");
		await forcedBack(stage);
		stage.link.refuse(false);
		await told(stage, "withdrawn");
		await letClaim(stage);
		await worksOnPc(stage);
		expect((await stage.batond("status")).stdout).toContain("default: no login yet");
		expect(whats(stage)).toEqual(["staged", "withdrawn"]);
		return { running: [service, watcher], logins: [[login, "pc dedicated folder"]] };
	},
);

story("back by force, the host dead: when it is back it claims nothing", {}, async (stage) => {
	const { service, watcher, login } = await staged(stage);
	await kill(service);
	await forcedBack(stage);
	stage.link.refuse(true);
	stage.link.now("cut");
	await letClaim(stage);
	// It has not heard a word yet, and the login it finds is still good.
	const again = await stage.serve();
	const { stdout } = await stage.batond("status");
	expect(stdout.replace(/\s+/g, " ")).toContain("waits for the PC to deliver it once more");
	await worksOnPc(stage);
	stage.link.refuse(false);
	await told(stage, "withdrawn");
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running: [again, watcher], logins: [[login, "pc dedicated folder"]] };
});

story(
	"back by force though the host had claimed it: the PC's copy is disarmed",
	{},
	async (stage) => {
		const { pc, link } = stage;
		const service = await stage.serve();
		const watcher = await stage.watch();
		const letGo = holdClaudeLock(pc.scratch.at("state", "logins", HOST));
		const login = await pc.claudeFor(HOST).login();
		await reached(stage, "taking");
		link.now("black-hole", "down");
		letGo();
		await told(stage, "claimed");
		link.refuse(true);
		link.now("cut");
		await forcedBack(stage);
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toEqual(login);
		link.refuse(false);
		await watcher.line(/"kind":"copy-disarmed"/, 20_000);
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toBeUndefined();
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);
