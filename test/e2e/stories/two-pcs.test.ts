/** Two PCs of one person, each with a key of its own, and one host. */
import { copyFileSync } from "node:fs";
import { expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { storedRecord } from "../baton-pc.ts";
import { done, outcomes, published, settled, told, whats } from "./milestones.ts";
import { HOST, type OtherPc, PATIENT, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";
import type { Place } from "./whereabouts.ts";

/** Nothing is under way on either. */
async function bothDone(stage: Stage, other: OtherPc): Promise<void> {
	await done(stage);
	const isOver = () => other.steps().length === 0 && other.pc.escrows().length === 0;
	await until("the other PC is done", isOver, Boolean, 40_000);
}

/** Which of the two logins the host was given; the other one is where it lay. */
function placesAfter(stage: Stage, logins: readonly [ClaudeAiOauth, ClaudeAiOauth]) {
	const left = stage.otherPcs[0]?.pc.claudeFor(HOST).read()?.claudeAiOauth?.refreshToken;
	const otherLost = left === logins[1].refreshToken;
	const places: readonly [Place, Place] = otherLost
		? ["vps current", "other pc dedicated folder"]
		: ["pc dedicated folder", "vps current"];
	return { places, loser: otherLost ? "other" : "first" };
}

story(
	"two PCs offer at once: one login is taken, the other stays where it is",
	{ vps: PATIENT },
	async (stage) => {
		const other = stage.addPc("desktop");
		const running = [await stage.serve()];
		const logins = [
			await stage.pc.claudeFor(HOST).login(),
			await other.pc.claudeFor(HOST).login(),
		] as const;
		await stage.provider.inject("token", { kind: "hold" });
		const asked = [
			await stage.startBaton("handover", HOST),
			await other.startBaton("handover", HOST),
		];
		await stage.provider.untilHeld();
		const waiting = await Promise.race(asked.map((one) => one.line(/busy there/, 20_000)));
		expect(waiting).toContain("trying again");
		const both = await Promise.all([stage.baton("status"), other.baton("status")]);
		const words = both.map(({ stdout }) => stdout.replaceAll(/\s+/g, " ")).sort();
		expect(words.join("\n")).toContain("in transit: nobody may spend it until");
		expect(words.join("\n")).toContain("to be offered; nothing has been touched");
		expect((await stage.batond("status")).stdout).toMatch(
			/being claimed[\s\S]*from (laptop|desktop)/,
		);

		await stage.provider.release();
		const codes = await Promise.all(asked.map(async (one) => (await one.ended(30_000)).code));
		expect([...codes].sort()).toEqual([0, 11]);
		await bothDone(stage, other);
		expect([whats(stage), await outcomes(stage)]).toEqual([["staged", "claimed"], ["rotated"]]);

		const { places, loser } = placesAfter(stage, logins);
		const lost = loser === "other" ? other : stage;
		const { stdout } = await lost.baton("status");
		expect(stdout).toContain("in its folder here");
		expect(stdout).toContain(`baton handover ${HOST} --replace`);
		return {
			running,
			logins: [
				[logins[0], places[0]],
				[logins[1], places[1]],
			],
		};
	},
);

story("the PC whose login was turned down hands it over with --replace", {}, async (stage) => {
	const other = stage.addPc("desktop");
	const running = [await stage.serve(), await stage.watch()];
	const first = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	const second = await other.pc.claudeFor(HOST).login();
	const declined = await other.baton("handover", HOST);
	expect([declined.code, declined.stdout]).toEqual([11, expect.stringContaining("good order")]);
	expect(declined.stderr).toContain(`baton handover ${HOST} --replace`);
	expect(await other.baton("handover", HOST, "--replace")).toMatchObject({ code: 0 });
	await settled(stage, 2);
	await bothDone(stage, other);
	await published(stage);
	expect((await stage.batond("status")).stdout).toMatch(/default: well[\s\S]*from desktop/);
	expect(await outcomes(stage)).toEqual(["rotated", "rotated"]);
	return {
		running,
		logins: [
			[first, "nowhere"],
			[second, "vps current"],
		],
	};
});

story(
	"one login copied to both PCs: handed over once, and the other copy is disarmed",
	{},
	async (stage) => {
		const other = stage.addPc("desktop");
		const running = [await stage.serve()];
		const login = await stage.pc.claudeFor(HOST).login();
		const [here, there] = [stage, other].map(({ pc }) => pc.claudeFor(HOST).credentialsPath);
		copyFileSync(here ?? "", there ?? "");
		const watchers = [await stage.watch(), await other.watch()];
		await told(stage, "claimed");
		await bothDone(stage, other);
		for (const { pc } of [stage, other]) {
			const isGone = () => pc.claudeFor(HOST).read()?.claudeAiOauth === undefined;
			await until("no copy is left on this PC", isGone, Boolean, 40_000);
		}
		const known = [stage, other].map(({ pc }) => Object.values(knownOn(pc)).map(({ was }) => was));
		expect(known.flat().sort()).toEqual(["handed-over", "in-custody"]);
		const said = () => watchers.map((watcher) => watcher.stdout() + watcher.stderr()).join("\n");
		await until("a person is warned", () => said().includes("came back and was disarmed"));
		expect([whats(stage), await outcomes(stage)]).toEqual([["staged", "claimed"], ["rotated"]]);
		await published(stage);
		return { running: [...running, ...watchers], logins: [[login, "vps current"]] };
	},
);

function knownOn(pc: Stage["pc"]): Record<string, { was: string }> {
	return (storedRecord(pc) as unknown as { known: Record<string, { was: string }> }).known;
}
