/** The VPS's disk is full: what cannot be saved is not sent, not shown and not forgotten. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { startChild } from "../../parts/child-process.ts";
import { SHORT, statusOf } from "./killed-service.ts";
import { outcomes, published, settled, told, whats } from "./milestones.ts";
import { HOST, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const FULL: StageOptions = { ...SHORT, smallDisk: "state" };
/** Long enough that no token ends while the disk is full. */
const PATIENT: StageOptions = { ...FULL, accessTokenSeconds: 20 };

const login = (stage: Stage) => stage.pc.claudeFor(HOST).login();

async function expectStandstill(stage: Stage): Promise<string> {
	const { words } = await statusOf(stage);
	expect(words).toContain("default: stands still, as nothing can be saved");
	expect(words).toContain("the disk is full");
	expect(words).toContain("next: free some space");
	expect(words).not.toContain("well;");
	return words;
}

story(
	"full before a claim: the login stays on the PC's side until there is room",
	FULL,
	async (stage) => {
		const service = await stage.serve();
		const watcher = await stage.watch();
		stage.disk().fill();
		const handed = await login(stage);
		await service.line(/the state cannot be saved/);
		expect(await expectStandstill(stage)).not.toContain("do not stop");
		expect([await outcomes(stage), whats(stage)]).toEqual([[], []]);
		expect([stage.steps(), stage.pc.escrows().length]).toEqual([["taken"], 1]);
		expect(existsSync(join(stage.vps.claudeFolder, ".credentials.json"))).toBe(false);

		stage.disk().free();
		await service.line(/the state can be saved again/);
		await settled(stage);
		await published(stage);
		return { running: [service, watcher], logins: [[handed, "vps current"]] };
	},
);

story("full before a refresh: it is not sent until there is room", PATIENT, async (stage) => {
	const service = await stage.serve();
	const watcher = await stage.watch();
	const handed = await login(stage);
	await settled(stage);
	await published(stage);
	const { accessToken } = stage.vps.sinkFile();
	stage.disk().fill();
	await service.line(/the state cannot be saved/, 20_000);
	expect(await expectStandstill(stage)).not.toContain("do not stop");
	expect(await outcomes(stage)).toEqual(["rotated"]);
	expect((await stage.vps.run("token")).stdout.trim()).toBe(accessToken);

	stage.disk().free();
	await told(stage, "rotated");
	await published(stage, accessToken);
	return { running: [service, watcher], logins: [[handed, "vps current"]] };
});

story(
	"full when a rotation is to be saved: kept in mind, shown to nobody, saved late",
	FULL,
	async (stage) => {
		const service = await stage.serve();
		const watcher = await stage.watch();
		await stage.provider.inject("token", { kind: "delay", ms: 0 });
		await stage.provider.inject("token", { kind: "hold", when: "after" });
		const handed = await login(stage);
		await settled(stage);
		await published(stage);
		const { accessToken } = stage.vps.sinkFile();
		await stage.provider.untilHeld(1, 20_000);
		stage.disk().fill();
		await stage.provider.release();
		await service.line(/the state cannot be saved/);
		expect(await expectStandstill(stage)).toMatch(/in memory only: do not stop batond/);
		expect(await outcomes(stage)).toEqual(["rotated", "rotated"]);
		expect(stage.vps.sinkFile().accessToken).toBe(accessToken);
		expect(whats(stage)).not.toContain("rotated");
		const served = (await stage.vps.run("token")).stdout.trim();
		expect(["", accessToken]).toContain(served);

		stage.disk().free();
		await told(stage, "rotated");
		await published(stage, accessToken);
		expect(whats(stage)).not.toContain("in-doubt");
		return { running: [service, watcher], logins: [[handed, "vps current"]] };
	},
);

story("neither log can be written: custody goes on without them", SHORT, async (stage) => {
	const { vps, provider } = stage;
	mkdirSync(join(vps.stateFolder, "audit.jsonl"), { recursive: true, mode: 0o700 });
	const { argv, env = {} } = vps.optionsOf(["serve"]);
	const toFullDevice = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh", ...argv] as const;
	const service = stage.keep(await startChild({ argv: toFullDevice, env }));
	await until("it serves", async () => (await stage.batond("status")).code === 0);
	const watcher = await stage.watch();
	const handed = await login(stage);
	await watcher.line(/"kind":"handed-over"/, 20_000);
	await published(stage);
	const { accessToken } = vps.sinkFile();
	await published(stage, accessToken);
	expect(await provider.spentTwice()).toEqual([]);
	expect(service.exit()).toBeUndefined();
	return { running: [service, watcher], logins: [[handed, "vps current"]] };
});
