/**
 * `kill -9` of `batond serve` at each step of a hand-over and its claim. Started again, it says what
 * became of the login: never a word too few, never a token spent twice by what it does not know.
 */
import { join } from "node:path";
import { describe, expect } from "vitest";
import { holdClaudeLock } from "./claude-lock.ts";
import { dead, doomed, kill, LENIENT, SHORT, statusOf } from "./killed-service.ts";
import { done, outcomes, published, reached, settled, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";

const login = (stage: Stage) => stage.pc.claudeFor(HOST).login();

describe("killed during the hand-over", () => {
	story("before the delivery, its promise is void: the PC offers again", {}, async (stage) => {
		const service = await stage.serve();
		const watcher = await stage.watch();
		const letGo = holdClaudeLock(stage.pc.scratch.at("state", "logins", HOST));
		const handed = await login(stage);
		await reached(stage, "taking");
		await kill(service);
		letGo();
		await watcher.line(/the service on this host is not running/);
		expect(stage.steps()).toEqual(["taken"]);
		const again = await stage.serve();
		await settled(stage);
		expect(whats(stage)).toEqual(["staged", "claimed"]);
		return { running: [again, watcher], logins: [[handed, "vps current"]] };
	});

	story("with the login staged, it claims it only when delivered again", {}, async (stage) => {
		await stage.provider.inject("profile", { kind: "hold" }, "until-cleared");
		const service = await stage.serve();
		const watcher = await stage.watch();
		const handed = await login(stage);
		await told(stage, "staged");
		await stage.provider.untilHeld();
		await kill(service);
		await stage.provider.clearFaults();

		stage.link.refuse(true);
		stage.link.now("cut");
		const again = await stage.serve();
		expect(await statusOf(stage)).toMatchObject({ state: "staged" });
		expect((await statusOf(stage)).state).toBe("staged");
		expect(await outcomes(stage)).toEqual([]);
		stage.link.refuse(false);
		await settled(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [again, watcher], logins: [[handed, "vps current"]] };
	});
});

/** A service that is killed while its claim is held up at the provider, and what is started after it. */
async function killedClaim(stage: Stage, when: "before" | "after") {
	const service = await stage.serve();
	const watcher = await stage.watch();
	await stage.provider.inject("token", { kind: "hold", when });
	const handed = await login(stage);
	await stage.provider.untilHeld();
	await kill(service);
	const again = await stage.serve();
	await told(stage, "in-doubt");
	return { running: [again, watcher], watcher, handed };
}

describe("killed during the claim", () => {
	story("which the provider never saw: in doubt, then claimed late", SHORT, async (stage) => {
		const { running, handed } = await killedClaim(stage, "before");
		expect((await statusOf(stage)).words).toContain("its claim got no answer");
		await told(stage, "claimed");
		expect(whats(stage).slice(0, 3)).toEqual(["staged", "in-doubt", "claimed"]);
		await settled(stage);
		expect((await outcomes(stage)).slice(0, 2)).toEqual(["pending", "rotated"]);
		return { running, logins: [[handed, "vps current"]] };
	});

	const spentClaim = async (stage: Stage) => {
		const { running, watcher, handed } = await killedClaim(stage, "after");
		await watcher.line(/"kind":"spent"/, 20_000);
		expect(stage.steps()).toEqual(["sealed"]);
		expect((await stage.baton("status")).stdout).toContain(`make a new login for ${HOST}`);
		expect((await statusOf(stage)).need).toBe("none-yet");
		return { running, handed };
	};

	story("whose reply was lost: spent, sealed, and mended by a login", SHORT, async (stage) => {
		const { running, handed } = await spentClaim(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		const next = await login(stage);
		await settled(stage);
		return {
			running,
			logins: [
				[handed, "nowhere"],
				[next, "vps current"],
			],
		};
	});

	story("whose reply was lost, where old tokens live on: one late try", LENIENT, async (stage) => {
		const { running, handed } = await spentClaim(stage);
		expect(await outcomes(stage)).toEqual(["rotated", "refused"]);
		return { running, lateTries: 1, logins: [[handed, "nowhere"]] };
	});
});

const record = ({ vps }: Stage) => join(vps.stateFolder, "secrets", "custody-default.secret");

describe("killed with the provider's reply in hand", () => {
	story("and not saved: named as spent", SHORT, async (stage) => {
		const death = { call: "rename", path: record(stage), moment: "before" } as const;
		const { service, watcher, letDie } = await doomed(stage, death);
		await stage.provider.inject("token", { kind: "hold", when: "after" });
		const handed = await login(stage);
		await stage.provider.untilHeld();
		letDie();
		await stage.provider.release();
		await dead(service);
		const again = await stage.serve();
		await watcher.line(/"kind":"spent"/, 20_000);
		expect(whats(stage)).toEqual(["staged", "in-doubt", "claim-refused"]);
		return { running: [again, watcher], logins: [[handed, "nowhere"]] };
	});

	story("and saved: claimed, and published by the next", {}, async (stage) => {
		const death = { call: "rename", path: record(stage), moment: "after" } as const;
		const { service, watcher, letDie } = await doomed(stage, death);
		await stage.provider.inject("token", { kind: "hold", when: "after" });
		const handed = await login(stage);
		await stage.provider.untilHeld();
		letDie();
		await stage.provider.release();
		await dead(service);
		const again = await stage.serve();
		await published(stage);
		await watcher.line(/"kind":"handed-over"/, 20_000);
		await done(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [again, watcher], logins: [[handed, "vps current"]] };
	});
});
