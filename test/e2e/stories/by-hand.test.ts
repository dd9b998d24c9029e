/** A person logs in or out on the VPS, in the folder that batond writes: their doing comes first. */
import { join } from "node:path";
import { expect } from "vitest";
import { makeFakeClaude } from "../../parts/fake-claude.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { statusOf } from "./killed-service.ts";
import { published, settled, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { TWO_SINKS } from "./two-sinks.ts";
import { until } from "./until.ts";

/** Claimed and published, and a claude that a person runs in the sink's folder. */
async function handedOver(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	const claude = makeFakeClaude({ configFolder: stage.vps.claudeFolder, server: stage.provider });
	return { running, login, claude };
}

async function says(stage: Stage, words: string): Promise<void> {
	await until(`status says ${words}`, async () => (await statusOf(stage)).words.includes(words));
}

/** The other sink goes on, whatever a person did at this one. */
async function othersGoOn(stage: Stage): Promise<void> {
	const rotated = whats(stage).filter((what) => what === "rotated").length;
	await told(stage, "rotated", rotated + 2);
	// Nor does a refresh wait for it, until there is little time left.
	expect(whats(stage)).not.toContain("sinks-not-writable");
	await says(stage, "sink file: has the newest access token");
}

story("logged in by hand: left alone, said, and the others go on", TWO_SINKS, async (stage) => {
	const { running, login, claude } = await handedOver(stage);
	const own = await claude.login();
	await says(stage, "sink claude: somebody logged in there by hand; that login is left alone");
	expect((await statusOf(stage)).words).toMatch(/left alone.*\n {4}next: /);
	await othersGoOn(stage);
	expect(claude.read()?.claudeAiOauth).toEqual(own);
	const theirs = fingerprintOf(own.refreshToken);
	const presented = await stage.provider.presentations();
	expect(presented.filter(({ fp }) => fp === theirs)).toEqual([]);
	return {
		running,
		ownLogins: [join(stage.vps.claudeFolder, ".credentials.json")],
		logins: [
			[login, "vps current"],
			[own, "vps sink"],
		],
	};
});

story(
	"logged out by hand: the file stays away, said, and the others go on",
	TWO_SINKS,
	async (stage) => {
		const { running, login, claude } = await handedOver(stage);
		await claude.logout();
		await says(stage, "sink claude: somebody logged out there by hand; left alone");
		expect((await statusOf(stage)).words).toMatch(/left alone.*\n {4}next: /);
		await othersGoOn(stage);
		expect(claude.read()).toBeUndefined();
		return { running, logins: [[login, "vps current"]] };
	},
);
