/** A state folder is put back as it was some rotations ago, on the VPS or on the PC. */
import { describe, expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import { kill, statusOf } from "./killed-service.ts";
import { done, outcomes, published, settled, told, whats } from "./milestones.ts";
import { snapshotOf } from "./snapshot.ts";
import { HOST, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const login = (stage: Stage) => stage.pc.claudeFor(HOST).login();

function rotating(accessTokenSeconds: number, killOldAccess: boolean, witnessWait: string) {
	const timing = { requestLimit: "2s", deadConfirm: "500ms", witnessWait };
	const options: StageOptions = {
		accessTokenSeconds,
		killOldAccess,
		vps: { refresh: { before: "1h" }, timing },
		pc: { statusEvery: "1s" },
	};
	return options;
}

/** Claimed, copied, rotated twice more, killed and put back: nobody holds the newest token any more. */
async function putBack(stage: Stage) {
	const { vps, provider } = stage;
	const service = await stage.serve();
	const watcher = await stage.watch();
	const handed = await login(stage);
	await settled(stage);
	await published(stage);
	const end = endOf(stage);
	const restore = snapshotOf(vps.stateFolder, vps.scratch.at("snapshot"));
	await provider.change({ accessTokenSeconds: 2 });
	await rotateSoon(stage);
	await provider.change({ accessTokenSeconds: 600 });
	await told(stage, "rotated", 2);
	// Killed while it writes a sink, it would leave claude's locks behind.
	await until("the sink has the newest token", async () => sinkIsCurrent(stage));
	await kill(service);
	restore();
	return { watcher, handed, end, before: await outcomes(stage) };
}

async function sinkIsCurrent(stage: Stage): Promise<boolean> {
	const { stdout } = await stage.batond("status", "--json");
	const { names } = JSON.parse(stdout) as { names: { sinks: { state: string }[] }[] };
	return names[0]?.sinks[0]?.state === "current";
}

/** As soon as a refresh may be asked for, so that most of the first token's life is left. */
async function rotateSoon(stage: Stage): Promise<void> {
	await until("it has rotated", async () => {
		await stage.batond("check", "--fix", "--within", "1h");
		return whats(stage).includes("rotated");
	});
}

/** It asks for a login, has spent nothing, and is well once it has one. */
async function healed(stage: Stage, watcher: Child, before: string[]) {
	await until("it is rolled back", async () => (await statusOf(stage)).state === "rolled-back");
	expect(whats(stage)).toContain("rolled-back");
	const { need, words } = await statusOf(stage);
	expect(need).toBe("rolled-back");
	expect(words).toContain("needs a new login, as it was restored from a copy");
	expect(words).toContain("next: on the PC, baton status says how to make a new login");
	await watcher.line(/"kind":"host-needs-login".*"reason":"rolled-back"/);
	const { stdout } = await stage.baton("status");
	expect(stdout).toContain("set back to an older state");
	expect(stdout).toContain(`make a new login for ${HOST}`);
	expect(await outcomes(stage)).toEqual(before);

	const next = await login(stage);
	await settled(stage, 2);
	await published(stage);
	expect((await statusOf(stage)).state).toBe("held");
	expect(await outcomes(stage)).toEqual([...before, "rotated"]);
	return next;
}

/** When the access token in the sink ends, ms since 1970. */
function endOf(stage: Stage): number {
	return (stage.vps.sinkFile() as unknown as { expiresAt: number }).expiresAt;
}

async function hasEnded(expiresAt: number): Promise<void> {
	await until("the access token has ended", () => Date.now() > expiresAt);
}

describe("the VPS's state is put back after two rotations", () => {
	describe.each([
		["old tokens live on", false, "serves what it has; "],
		["old tokens die", true, ""],
	])("where %s", (_how, killOldAccess, served) => {
		const options = rotating(48, killOldAccess, "5m");
		story(
			"the PC remembers more: it never spends, and asks for a login",
			options,
			async (stage) => {
				const { watcher, handed, before } = await putBack(stage);
				const service = await stage.serve();
				await told(stage, "rolled-back");
				expect((await statusOf(stage)).words).toContain(served);
				if (!killOldAccess) await published(stage);
				const next = await healed(stage, watcher, before);
				return {
					running: [service, watcher],
					logins: [
						[handed, "nowhere"],
						[next, "vps current"],
					],
				};
			},
		);
	});

	const ended = rotating(4, true, "5m");
	story(
		"its access token has ended: it waits for the PC's word, and heeds it",
		ended,
		async (stage) => {
			const { watcher, handed, end, before } = await putBack(stage);
			await hasEnded(end);
			stage.link.refuse(true);
			stage.link.now("cut");
			const service = await stage.serve();
			const { words } = await statusOf(stage);
			expect(words).toContain("asks the PC first whether this is a restored copy");
			expect(words).toMatch(
				/next: run baton watch on the PC; without it, this goes on at \d\d:\d\d UTC/,
			);
			expect(await outcomes(stage)).toEqual(before);
			stage.link.refuse(false);
			const next = await healed(stage, watcher, before);
			return {
				running: [service, watcher],
				logins: [
					[handed, "nowhere"],
					[next, "vps current"],
				],
			};
		},
	);

	const alone = rotating(4, true, "1s");
	story(
		"no PC is there to tell: the one try is made, and the loss is named",
		alone,
		async (stage) => {
			const { watcher, handed, end, before } = await putBack(stage);
			await kill(watcher);
			await hasEnded(end);
			const service = await stage.serve();
			await told(stage, "needs-login");
			expect(await outcomes(stage)).toEqual([...before, "refused"]);
			const { need, words } = await statusOf(stage);
			expect(need).toBe("revoked-or-reused");
			expect(words).toContain("needs a new login: revoked, or used somewhere else");

			const again = await stage.watch();
			await again.line(/"kind":"host-needs-login".*"reason":"revoked-or-reused"/);
			const next = await login(stage);
			await settled(stage, 2);
			await published(stage);
			return {
				running: [service, again],
				lateTries: 1,
				logins: [
					[handed, "nowhere"],
					[next, "vps current"],
				],
			};
		},
	);
});

const DOWN = rotating(4, true, "5m");
story("down until the access token had ended: refreshed at the PC's word", DOWN, async (stage) => {
	const service = await stage.serve();
	const watcher = await stage.watch();
	const handed = await login(stage);
	await settled(stage);
	await published(stage);
	await kill(service);
	await hasEnded(endOf(stage));
	const { accessToken } = stage.vps.sinkFile();
	const again = await stage.serve();
	await told(stage, "rotated");
	await published(stage, accessToken);
	expect(whats(stage)).not.toContain("rolled-back");
	return { running: [again, watcher], logins: [[handed, "vps current"]] };
});

story(
	"the PC's state is put back to before the receipt: it asks, and erases",
	{},
	async (stage) => {
		const { pc, provider } = stage;
		await provider.inject("token", { kind: "hold", when: "after" });
		const service = await stage.serve();
		const watcher = await stage.watch();
		const handed = await login(stage);
		await provider.untilHeld();
		const restore = snapshotOf(pc.stateFolder, pc.scratch.at("snapshot"));
		await provider.release();
		await settled(stage);
		await published(stage);
		await kill(watcher);
		restore();
		expect([stage.steps(), pc.escrows().length]).toEqual([["taken"], 1]);

		const again = await stage.watch();
		await again.line(/"kind":"handed-over"/);
		await done(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		expect(whats(stage)).toEqual(["staged", "claimed"]);
		expect((await stage.baton("status")).stdout).toMatch(/holds the login|generation 1/);
		return { running: [service, again], logins: [[handed, "vps current"]] };
	},
);
