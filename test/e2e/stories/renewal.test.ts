/** A login nears its end, and the next one takes its place under a program that never stops. */
import { existsSync, readFileSync } from "node:fs";
import { expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { published, settled, told, whats } from "./milestones.ts";
import { HOST, PATIENT, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const DAY_SECONDS = 24 * 3600;
const TELL = 'cat >> "$HOME/heard"';

const RENEWAL: StageOptions = {
	pc: { statusEvery: "1s" },
	vps: {
		...PATIENT,
		names: { default: { sinks: { claude: { type: "claude-code", configDir: "~/claude" } } } },
		warnings: { file: { type: "exec", command: ["sh", "-c", TELL] } },
	},
};

interface Heard {
	kind: string;
	what: string;
	text: string;
	next: string;
}

/** What the person was told on the VPS, by a command of their own. */
function heard({ vps }: Stage): Heard[] {
	const file = vps.scratch.at("heard");
	const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
	return lines.map((line) => JSON.parse(line) as Heard);
}

/** A login in its last week, claimed; a program lives on it, and both sides have given their warning. */
async function nearItsEnd(stage: Stage) {
	const login = await stage.nextLogin({ refreshTokenDeadlineSeconds: 6 * DAY_SECONDS });
	const [service, watcher] = [await stage.serve(), await stage.watch()];
	await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	await watcher.line(/"kind":"deadline-near".*"reason":"7 days"/);
	await until("the person was told", () => heard(stage).length > 0);
	const consumer = stage.consume();
	await until("the program works", () => consumer.count().requests > 10);
	return { login, service, watcher, consumer };
}

async function served(stage: Stage, first: ClaudeAiOauth, by: ReturnType<Stage["consume"]>) {
	await until("the program lives on the new login", () => by.count().tokens === 2);
	const { refused, longestRow, requests } = await by.stop();
	expect({ refused, longestRow }).toEqual({ refused: 0, longestRow: 0 });
	expect(requests).toBeGreaterThan(20);
	// What was let go of was not ended at the provider: its access token may be in use to its end.
	expect(await stage.provider.spentTwice()).toEqual([]);
	expect(stage.ownToken()).not.toBe(first.refreshToken);
}

story("the next login in the last week: no request is refused", RENEWAL, async (stage) => {
	const { login, service, watcher, consumer } = await nearItsEnd(stage);
	const { accessToken } = stage.vps.sinkFile();
	expect((await stage.baton("status")).stdout).toContain(
		`make its next login before this one ends: baton login ${HOST}`,
	);

	const second = await stage.pc.claudeFor(HOST).login();
	await settled(stage, 2);
	await published(stage, accessToken);
	await served(stage, login, consumer);

	expect(heard(stage)).toEqual([
		expect.objectContaining({ kind: "warning", what: "deadline-near" }),
	]);
	expect(heard(stage)[0]?.text).toMatch(/login default: the login ends in 5 days, 2\d{3}-/);
	expect(whats(stage).filter((what) => what === "deadline-near")).toHaveLength(1);
	expect((await stage.baton("status")).stdout).not.toContain("next login");
	return {
		running: [service, watcher],
		logins: [
			[login, "nowhere"],
			[second, "vps current"],
		],
	};
});

story(
	"the provider is down and the service killed while the next login is on its way: the old one serves on",
	RENEWAL,
	async (stage) => {
		const { login, service, watcher, consumer } = await nearItsEnd(stage);
		const { accessToken } = stage.vps.sinkFile();
		await stage.provider.down();
		const second = await stage.pc.claudeFor(HOST).login();
		await told(stage, "staged");
		service.kill("SIGKILL");
		await service.ended();
		const again = await stage.serve();
		await until("the PC has delivered it again", async () => {
			return (await stage.batond("status")).stdout.includes("a new login from laptop");
		});
		expect(stage.vps.sinkFile().accessToken).toBe(accessToken);
		expect(heard(stage).filter(({ what }) => what === "deadline-near")).toHaveLength(1);

		await stage.provider.up();
		await settled(stage, 2);
		await published(stage, accessToken);
		await served(stage, login, consumer);
		return {
			running: [again, watcher],
			logins: [
				[login, "nowhere"],
				[second, "vps current"],
			],
		};
	},
);
