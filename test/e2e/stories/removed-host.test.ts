/** A host leaves the settings while its login is in transit: nobody asks it any more, and status says so. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { kill } from "./killed-service.ts";
import { done, outcomes, reached, settled, statusWords, told } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";

/** Staged on the host, and no longer in the PC's settings. `nameAgain` puts it back there. */
async function removed(stage: Stage) {
	const { pc, provider } = stage;
	await provider.inject("profile", { kind: "hold" }, "until-cleared");
	const service = await stage.serve();
	const watcher = await stage.watch();
	const login = await pc.claudeFor(HOST).login();
	await told(stage, "staged");
	await reached(stage, "taken");
	watcher.kill("SIGTERM");
	await watcher.ended();
	const whole = readFileSync(pc.configFile, "utf8");
	writeFileSync(pc.configFile, JSON.stringify({ ...JSON.parse(whole), hosts: {} }));
	const again = await stage.watch();
	return { service, login, watcher: again, nameAgain: () => writeFileSync(pc.configFile, whole) };
}

story(
	"status says that it is not asked, and it goes on when it is named again",
	{},
	async (stage) => {
		const { service, login, watcher, nameAgain } = await removed(stage);
		const shown = await statusWords(stage);
		expect(shown).toContain(`${HOST} its login is in transit: nobody may spend it now`);
		expect(shown).toContain("no longer in the settings, so it is not asked");
		expect(shown).toContain(
			`name ${HOST} in the settings again; or, if it is gone for good: baton take-back ${HOST} --force`,
		);
		const asked = await stage.baton("take-back", HOST);
		expect([asked.code, asked.stderr]).toEqual([
			2,
			expect.stringContaining(`${HOST} is no longer in the settings, so it cannot be asked`),
		]);
		expect([stage.steps(), stage.pc.escrows().length]).toEqual([["taken"], 1]);

		watcher.kill("SIGTERM");
		await watcher.ended();
		nameAgain();
		await stage.provider.clearFaults();
		await stage.provider.release();
		const again = await stage.watch();
		await settled(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [service, again], logins: [[login, "vps current"]] };
	},
);

story("gone for good, it comes back by force", {}, async (stage) => {
	const { service, login, watcher } = await removed(stage);
	await kill(service);
	const asked = await stage.baton("take-back", HOST, "--force");
	expect([asked.code, asked.stderr]).toEqual([
		0,
		expect.stringContaining(`if ${HOST} did claim it, one of the two will fail`),
	]);
	await done(stage);
	expect(await stage.pc.claudeFor(HOST).refresh({ force: true })).toBe("refreshed");
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running: [watcher], logins: [[login, "pc dedicated folder"]] };
});
