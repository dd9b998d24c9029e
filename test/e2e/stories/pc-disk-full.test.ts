/** The PC's disk is full when a login is to be taken: it lies in the store or in escrow, and goes on. */
import { expect } from "vitest";
import type { SmallDisk } from "../../parts/small-disk.ts";
import { holdClaudeLock } from "./claude-lock.ts";
import { outcomes, reached, settled, statusWords, whats } from "./milestones.ts";
import type { Stage, StageOptions } from "./stage.ts";
import { story } from "./story.ts";

const FOLLOW: StageOptions = { login: "follow-login", smallDisk: "pc state" };

/** Accepted, and about to be taken as soon as `letGo` is called; the state lies on a small disk. */
async function aboutToTake(stage: Stage, tell: (scene: Scene) => Promise<void>) {
	const { pc } = stage;
	const disk = stage.disk();
	await pc.claude.login();
	const running = [await stage.serve(), await stage.watch()] as const;
	await running[1].line(/"kind":"host-needs-login"/);
	const letGo = holdClaudeLock(pc.scratch.at("claude"));
	const login = await pc.claude.login();
	await reached(stage, "taking");
	await tell({ disk, letGo, watcher: running[1], token: login.refreshToken });
	disk.free();
	await settled(stage);
	expect(stage.ownToken()).toBe("");
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running, logins: [[login, "vps current"]] as const };
}

interface Scene {
	readonly disk: SmallDisk;
	readonly letGo: () => void;
	readonly watcher: Awaited<ReturnType<Stage["watch"]>>;
	readonly token: string;
}

story("the disk is full before the escrow: the login stays in its place", FOLLOW, (stage) =>
	aboutToTake(stage, async ({ disk, letGo, watcher, token }) => {
		disk.fill();
		letGo();
		await watcher.line(/"kind":"disk-failed"/, 20_000);
		expect([stage.steps(), stage.pc.escrows(), stage.ownToken()]).toEqual([["taking"], [], token]);
		const shown = await statusWords(stage);
		expect(shown).toContain("nothing goes on until this is mended:");
		expect(shown).toContain("accepted, and about to be taken");
	}),
);

story("the disk is full after it: the login is in escrow, and not yet delivered", FOLLOW, (stage) =>
	aboutToTake(stage, async ({ disk, letGo, watcher }) => {
		// Room for the escrow, which is shorter than a page, and for nothing after it.
		disk.fill(1);
		letGo();
		await watcher.line(/the state cannot be written/, 20_000);
		// Its answer takes far longer than a delivery would.
		expect(await statusWords(stage)).toContain("nothing goes on until this is mended:");
		expect([stage.steps(), stage.ownToken()]).toEqual([["taking"], ""]);
		expect([stage.pc.escrows().length, whats(stage)]).toEqual([1, []]);
	}),
);
