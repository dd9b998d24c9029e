/** claude holds its locks and does not move: asleep in the middle of its refresh, or dead. */
import { lstatSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { type Child, startChild } from "../../parts/child-process.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { letLocksAge, locksIn } from "./claude-lock.ts";
import { outcomes, reached, settled, statusWords } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const MAIN = fileURLToPath(new URL("../../parts/fake-claude-main.ts", import.meta.url));

/** A claude that refreshes in this folder, in a process of its own. */
async function refreshing(stage: Stage, configFolder: string): Promise<Child> {
	const { tokenUrl, revokeUrl, clientId } = stage.provider;
	const options = { configFolder, server: { tokenUrl, revokeUrl, clientId } };
	const argv = [process.execPath, "--import", "tsx", MAIN, JSON.stringify(options)] as const;
	return stage.keep(await startChild({ argv, env: { HOME: stage.pc.scratch.path } }));
}

const bornOf = (locks: string[]) => locks.map((lock) => lstatSync(lock).birthtimeMs);

story(
	"the PC asleep in claude's own refresh: Baton waits, and hands over what comes of it",
	{},
	async (stage) => {
		const { pc, provider } = stage;
		const folder = pc.scratch.at("state", "logins", HOST);
		const login = await pc.claudeFor(HOST).login();
		await provider.inject("token", { kind: "hold", when: "after" });
		const claude = await refreshing(stage, folder);
		await provider.untilHeld();
		claude.kill("SIGSTOP");
		await provider.release();
		const locks = locksIn(folder);
		expect(locks).toHaveLength(3);
		const born = bornOf(locks);
		// As after a night: an orphan's would be swept now, after twelve seconds of watching.
		letLocksAge(folder);
		const running = [await stage.serve(), await stage.watch()];
		await reached(stage, "taking");
		await pause(14_000);
		expect([stage.steps(), pc.escrows(), bornOf(locks)]).toEqual([["taking"], [], born]);
		expect(await statusWords(stage)).toContain("accepted, and about to be taken");

		claude.kill("SIGCONT");
		await claude.line(/^refreshed$/);
		await settled(stage);
		const presented = await provider.presentations();
		expect(presented.map(({ outcome }) => outcome)).toEqual(["rotated", "rotated"]);
		expect(presented[0]?.fp).toBe(fingerprintOf(login.refreshToken));
		expect(presented[1]?.fp).toBe(presented[0]?.replacedBy);
		return { running, logins: [[login, "vps current"]] };
	},
);

story(
	"claude was killed under its locks: they are swept once they are old, not before",
	{},
	async (stage) => {
		const { pc, provider } = stage;
		const folder = pc.scratch.at("state", "logins", HOST);
		const login = await pc.claudeFor(HOST).login();
		await provider.inject("token", { kind: "hold" });
		const claude = await refreshing(stage, folder);
		await provider.untilHeld();
		claude.kill("SIGKILL");
		await claude.ended();
		const locks = locksIn(folder);
		const born = bornOf(locks);
		expect(locks).toHaveLength(3);
		const running = [await stage.serve(), await stage.watch()];
		await reached(stage, "taking");
		await until("a connection is idle", async () => (await stage.baton("status")).code === 0);
		expect([stage.steps(), pc.escrows(), bornOf(locks)]).toEqual([["taking"], [], born]);
		letLocksAge(folder);
		await settled(stage);
		expect(locksIn(folder)).toEqual([]);
		// What it had sent is held up at the provider for good.
		expect(await outcomes(stage)).toEqual(["pending", "rotated"]);
		return { running, logins: [[login, "vps current"]] };
	},
);
