/** `kill -9` of `batond serve` at each step of a rotation: resumed, served on, or named as lost. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import { dead, doomed, kill, LENIENT, SHORT, statusOf } from "./killed-service.ts";
import { outcomes, published, settled, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const login = (stage: Stage) => stage.pc.claudeFor(HOST).login();

/** A service that is killed while a rotation is held up at the provider, after so many that were not. */
async function killedRotation(stage: Stage, when: "before" | "after", rotations = 0) {
	const service = await stage.serve();
	const watcher = await stage.watch();
	const { provider } = stage;
	// The claim is a refresh like any other.
	await provider.inject("token", { kind: "delay", ms: 0 }, 1 + rotations);
	await provider.inject("token", { kind: "hold", when });
	const handed = await login(stage);
	await provider.untilHeld(1, 40_000);
	await kill(service);
	const again = await stage.serve();
	await told(stage, "in-doubt");
	await settled(stage);
	return { running: [again, watcher], watcher, handed };
}

async function lostInFlight(stage: Stage, watcher: Child): Promise<void> {
	await told(stage, "needs-login");
	expect(stage.audit().at(-1)).toMatchObject({ what: "needs-login", reason: "lost-in-flight" });
	const { need, words } = await statusOf(stage);
	expect([need, words]).toEqual([
		"lost-in-flight",
		expect.stringContaining("needs a new login: the answer to a refresh was lost"),
	]);
	await watcher.line(/"kind":"host-needs-login".*"reason":"lost-in-flight"/);
}

describe("killed during a rotation", () => {
	describe.each([
		["old tokens die", SHORT],
		["old tokens live on", LENIENT],
	])("where %s", (_how, options) => {
		story("the provider never saw it: in doubt, one late try", options, async (stage) => {
			const { running, handed } = await killedRotation(stage, "before");
			expect((await statusOf(stage)).words).toContain("a refresh got no answer");
			await published(stage);
			await told(stage, "rotated");
			expect(whats(stage).slice(0, 4)).toEqual(["staged", "claimed", "in-doubt", "rotated"]);
			expect((await outcomes(stage)).slice(0, 3)).toEqual(["rotated", "pending", "rotated"]);
			return { running, logins: [[handed, "vps current"]] };
		});
	});

	story("by a provider known to kill old tokens: not spent, resumed", SHORT, async (stage) => {
		const { running, handed } = await killedRotation(stage, "before", 2);
		await told(stage, "not-spent");
		await told(stage, "rotated", 3);
		expect(whats(stage).slice(-3)).toEqual(["in-doubt", "not-spent", "rotated"]);
		return { running, logins: [[handed, "vps current"]] };
	});

	story("the reply was lost: named, and mended by a new login", SHORT, async (stage) => {
		const { running, watcher, handed } = await killedRotation(stage, "after");
		await lostInFlight(stage, watcher);
		expect(await outcomes(stage)).toEqual(["rotated", "rotated"]);
		const next = await login(stage);
		await settled(stage, 2);
		await published(stage);
		return {
			running,
			logins: [
				[handed, "nowhere"],
				[next, "vps current"],
			],
		};
	});

	story("the reply was lost, old tokens live on: served, one late try", LENIENT, async (stage) => {
		const { running, watcher, handed } = await killedRotation(stage, "after");
		await published(stage);
		await lostInFlight(stage, watcher);
		expect(await outcomes(stage)).toEqual(["rotated", "rotated", "refused"]);
		return { running, lateTries: 1, logins: [[handed, "nowhere"]] };
	});

	story("while it is published: the old file stands whole until then", SHORT, async (stage) => {
		const path = join(stage.vps.claudeFolder, ".credentials.json");
		const death = { call: "rename", path, moment: "before" } as const;
		const { service, watcher, letDie } = await doomed(stage, death);
		const handed = await login(stage);
		await settled(stage);
		await published(stage);
		const { accessToken } = stage.vps.sinkFile();
		await stage.provider.change({ accessTokenSeconds: 600 });
		letDie();
		await dead(service);
		expect(stage.vps.sinkFile()).toMatchObject({ accessToken, refreshToken: "" });
		const again = await stage.serve();
		await published(stage, accessToken);
		expect(new Set(await outcomes(stage))).toEqual(new Set(["rotated"]));
		return { running: [again, watcher], logins: [[handed, "vps current"]] };
	});

	story(
		"as it lets go of claude's locks: they keep the next one waiting for nothing",
		SHORT,
		async (stage) => {
			const path = join(stage.vps.claudeFolder, ".storage-write.lock");
			const death = { call: "renameSync", path, moment: "before" } as const;
			const { service, watcher, letDie } = await doomed(stage, death);
			const handed = await login(stage);
			await settled(stage);
			await published(stage);
			letDie();
			await dead(service);
			expect(existsSync(path)).toBe(true);
			const again = await stage.serve();
			const isCurrent = async () =>
				(await statusOf(stage)).words.includes("has the newest access token");
			await until("the sink is written", isCurrent, Boolean, 20_000);
			return { running: [again, watcher], logins: [[handed, "vps current"]] };
		},
	);
});
