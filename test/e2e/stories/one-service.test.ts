/** One `batond serve` for one state folder, however the one before it ended. */
import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { kill } from "./killed-service.ts";
import { outcomes, published, settled } from "./milestones.ts";
import { HOST } from "./stage.ts";
import { story } from "./story.ts";

story(
	"a second service on the same state refuses at once, and says who serves",
	{},
	async (stage) => {
		const service = await stage.serve();
		const watcher = await stage.watch();
		for (const paused of [false, true]) {
			if (paused) service.kill("SIGSTOP");
			const { code, stdout, stderr } = await stage.batond("serve");
			if (paused) service.kill("SIGCONT");
			expect([code, stdout]).toEqual([1, ""]);
			expect(stderr).toContain(`already serves ${stage.vps.stateFolder}`);
			expect(stderr).toContain("next: stop it first, or leave the work to it");
			if (!paused) expect(stderr).toContain(`process ${service.pid}`);
		}
		const login = await stage.pc.claudeFor(HOST).login();
		await settled(stage);
		await published(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);

story("what a killed service left does not keep the next one from starting", {}, async (stage) => {
	const { stateFolder } = stage.vps;
	const sockets = () => readdirSync(stateFolder).filter((name) => name.endsWith(".sock"));
	const service = await stage.serve();
	const all = sockets();
	await kill(service);
	expect(sockets()).toEqual(all);
	expect(all.length).toBeGreaterThan(1);
	const [again, watcher] = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	return { running: [again, watcher], logins: [[login, "vps current"]] };
});
