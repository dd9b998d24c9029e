/** Nothing is shown that is not saved. */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { outcomes, published, settled, whats } from "./milestones.ts";
import { HOST } from "./stage.ts";
import { story } from "./story.ts";

story(
	"a claim that cannot be saved is neither published nor told, until it is",
	{},
	async (stage) => {
		const { provider, vps, pc } = stage;
		const service = await stage.serve();
		const watcher = await stage.watch();
		await provider.inject("token", { kind: "hold", when: "after" });
		const login = await pc.claudeFor(HOST).login();
		await provider.untilHeld();
		const secrets = join(vps.stateFolder, "secrets");
		renameSync(secrets, `${secrets}.away`);
		writeFileSync(secrets, "");
		await provider.release();
		await service.line(/the state cannot be saved/);
		const { stdout } = await stage.batond("status");
		expect(stdout).toContain("stands still, as nothing can be saved");
		expect(existsSync(join(vps.claudeFolder, ".credentials.json"))).toBe(false);
		expect([whats(stage), stage.steps()]).toEqual([["staged"], ["taken"]]);

		rmSync(secrets);
		renameSync(`${secrets}.away`, secrets);
		await service.line(/the state can be saved again/);
		await settled(stage);
		await published(stage);
		expect(await outcomes(stage)).toEqual(["rotated"]);
		return { running: [service, watcher], logins: [[login, "vps current"]] };
	},
);
