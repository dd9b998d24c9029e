/** claude itself runs on the VPS, with the file that batond writes for it. */
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { type FakeClaude, makeFakeClaude } from "../../parts/fake-claude.ts";
import { published, settled, told } from "./milestones.ts";
import { HOST, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";

const OPTIONS: StageOptions = { accessTokenSeconds: 6, vps: { refresh: { before: "1h" } } };

/** As claude does it: a look at the login before each request, and a forced one after a 401. */
async function work(claude: FakeClaude, url: string, isOver: () => boolean) {
	const seen = { outcomes: new Set<string>(), tokens: new Set<string>(), stuck: 0 };
	for (let refused = 0; !isOver(); await pause(20)) {
		seen.outcomes.add(await claude.refresh({ force: refused > 0 }));
		const token = claude.read()?.claudeAiOauth?.accessToken ?? "";
		const authorization = `Bearer ${token}`;
		const reply = await fetch(`${url}/v1/messages`, { method: "POST", headers: { authorization } });
		await reply.arrayBuffer();
		refused = reply.ok ? 0 : refused + 1;
		if (reply.ok) seen.tokens.add(token);
		seen.stuck = Math.max(seen.stuck, refused);
	}
	return seen;
}

story("claude works through rotations, and never refreshes by itself", OPTIONS, async (stage) => {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	const { vps, provider, resource } = stage;
	const claude = makeFakeClaude({ configFolder: vps.claudeFolder, server: provider });
	let over = false;
	const working = work(claude, resource.url, () => over);
	await told(stage, "rotated", 2);
	await published(stage);
	over = true;
	const { outcomes, tokens, stuck } = await working;
	expect([...outcomes]).toEqual(["logged-out"]);
	expect(tokens.size).toBeGreaterThanOrEqual(2);
	expect(stuck).toBeLessThan(20);
	const agents = new Set((await provider.presentations()).map(({ userAgent }) => userAgent));
	expect([...agents]).toEqual([expect.stringMatching(/^baton\//)]);
	return { running, logins: [[login, "vps current"]] };
});
