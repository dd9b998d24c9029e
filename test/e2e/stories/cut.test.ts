/** The link goes while a login is in transit. */
import { expect } from "vitest";
import { holdClaudeLock } from "./claude-lock.ts";
import { outcomes, reached, settled, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** A `Deliver` is longer than this, whatever else goes over the line is shorter. Bytes. */
const DELIVER_AT_LEAST = 500;

/** The connection that is to be cut must not be given up as idle before, on a busy machine either. */
const PATIENT = { pc: { link: { idle: "60s" } } };

/** A login that the host has accepted and that cannot be taken yet, as claude is busy. */
async function accepted(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()] as const;
	const letGo = holdClaudeLock(stage.pc.scratch.at("state", "logins", HOST));
	const login = await stage.pc.claudeFor(HOST).login();
	await reached(stage, "taking");
	return { running, login, letGo };
}

story(
	"cut after the delivery arrived: the PC learns of the claim by asking",
	PATIENT,
	async (stage) => {
		const { running, login, letGo } = await accepted(stage);
		stage.link.now("black-hole", "down");
		letGo();
		await told(stage, "claimed");
		expect([stage.steps(), stage.pc.escrows().length]).toEqual([["taken"], 1]);

		stage.link.now("cut");
		await running[1].line(/"kind":"handed-over"/, 20_000);
		await settled(stage);
		expect(whats(stage)).toEqual(["staged", "claimed"]);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running, logins: [[login, "vps current"]] };
	},
);

story("cut before the delivery arrived: the PC delivers again", PATIENT, async (stage) => {
	const { running, login, letGo } = await accepted(stage);
	stage.link.now("black-hole", "up");
	letGo();
	const swallowed = () => Math.max(...stage.link.connections().map(({ held }) => held.up));
	await until("the delivery is on its way", () => swallowed() > DELIVER_AT_LEAST);
	expect([stage.steps(), stage.pc.escrows().length]).toEqual([["taken"], 1]);
	expect(stage.audit()).toEqual([]);

	stage.link.now("cut");
	await running[1].line(/"kind":"handed-over"/, 20_000);
	await settled(stage);
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running, logins: [[login, "vps current"]] };
});
