/** A new token nobody can be given is not worth the old one: sinks are proved before anything is spent. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { statusOf } from "./killed-service.ts";
import { outcomes, published, settled, told } from "./milestones.ts";
import { HOST, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { SAVED } from "./two-sinks.ts";
import { until } from "./until.ts";

const CLAUDE = { type: "claude-code", configDir: "~/claude" };

function withSinks(accessTokenSeconds: number, sinks: Record<string, unknown>): StageOptions {
	return {
		accessTokenSeconds,
		smallDisk: "claude",
		vps: { refresh: { before: "1h" }, names: { default: { sinks } } },
		pc: { statusEvery: "1s" },
	};
}

/** Claimed and published; then claude's folder takes no more writes. */
async function claimed(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	stage.disk().setReadOnly(true);
	return { running, logins: [[login, "vps current"]] as const };
}

const SOME_ARE = withSinks(8, { claude: CLAUDE, file: SAVED });
const NONE_IS = withSinks(4, { claude: CLAUDE });

story(
	"no sink can be written: nothing is spent, however late, until one can",
	NONE_IS,
	async (stage) => {
		const ending = await claimed(stage);
		const { accessToken } = stage.vps.sinkFile();
		await told(stage, "sinks-not-writable");
		await until("the access token has ended", async () => {
			return (await statusOf(stage)).words.includes("its access token has ended; refreshed");
		});
		const { words } = await statusOf(stage);
		expect(words).toContain("refreshed once a sink can be written");
		expect(words).toMatch(/sink claude: cannot be written.*read-only/);
		expect(words).toMatch(/sink claude:.*\n {4}next: mount it writable/);
		expect((await stage.batond("token")).stderr).toContain("sink");
		expect(await outcomes(stage)).toEqual(["rotated"]);

		stage.disk().setReadOnly(false);
		await told(stage, "rotated");
		await published(stage, accessToken);
		expect((await statusOf(stage)).words).toContain("sink claude: has the newest access token");
		return ending;
	},
);

story(
	"one sink cannot be written: the others get their token, at the last call",
	SOME_ARE,
	async (stage) => {
		const ending = await claimed(stage);
		const { accessToken } = stage.vps.sinkFile();
		await told(stage, "sinks-not-writable");
		const { words } = await statusOf(stage);
		expect(words).toContain("refreshed once all sinks can be written");
		expect(words).toMatch(/sink claude: cannot be written.*read-only/);
		expect(words).toContain("sink file: has the newest access token");
		expect(await outcomes(stage)).toEqual(["rotated"]);

		await told(stage, "rotated");
		const saved = () =>
			JSON.parse(readFileSync(stage.vps.scratch.at("sinks", "token.json"), "utf8")) as {
				generation: number;
			};
		await until("the other sink has the new token", () => saved().generation === 2);
		expect(stage.vps.sinkFile().accessToken).toBe(accessToken);
		expect((await statusOf(stage)).words).toMatch(/sink claude: cannot be written/);

		stage.disk().setReadOnly(false);
		await published(stage, accessToken);
		return ending;
	},
);
