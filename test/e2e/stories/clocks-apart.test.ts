/** PC, host and provider do not agree on the time: off by hours, either way. */
import { describe, expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { outcomes, published, settled, told, whats } from "./milestones.ts";
import { HOST, PATIENT, type Stage, type StageOptions } from "./stage.ts";
import { type Ending, story } from "./story.ts";
import { until } from "./until.ts";

const HOURS = 3_600_000;
const DAY_SECONDS = 24 * 3600;
/** What is judged by a wrong clock is off by hours; what is late on a busy machine is not. */
const MINUTE_SECONDS = 60;

/** How far each clock is ahead of the provider's, hours. Access tokens live for eight seconds. */
const clocks = (pc: number, vps: number): StageOptions => ({
	ahead: { pc: pc * HOURS, vps: vps * HOURS },
	accessTokenSeconds: 8,
	pc: { statusEvery: "1s" },
	vps: PATIENT,
});

/** When each end lies, seconds from now, all by the host's own clock. */
async function endsThere(stage: Stage) {
	const { stdout } = await stage.batond("status", "--json");
	const { now, names } = JSON.parse(stdout) as {
		now: number;
		names: { accessUntil: number; deadline: number }[];
	};
	const { accessUntil = 0, deadline = 0 } = names[0] ?? {};
	return { access: (accessUntil - now) / 1000, login: (deadline - now) / 1000 };
}

async function handedOverAndKept(stage: Stage): Promise<Ending> {
	const service = await stage.serve();
	const watcher = await stage.watch();
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	await published(stage);
	const ends = await endsThere(stage);
	expect(Math.abs(ends.access)).toBeLessThan(MINUTE_SECONDS);
	expect(Math.abs(ends.login - 31 * DAY_SECONDS)).toBeLessThan(MINUTE_SECONDS);

	await told(stage, "rotated");
	const presented = await stage.provider.presentations();
	const gaps = presented.slice(1).map(({ at }, index) => at - (presented[index]?.at ?? 0));
	// Two rotations are a quarter of a token's life apart at least.
	for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(2_000);
	expect(new Set(await outcomes(stage))).toEqual(new Set(["rotated"]));
	const page = (await stage.baton("status")).stdout.replaceAll(/\s+/g, " ");
	expect(page).toMatch(/access token (lasts \d+ s|ended \d+ s ago)/);
	expect(page).toMatch(/login ends in (31|30) days/);
	return { running: [service, watcher], logins: [[login, "vps current"]] };
}

describe("handed over and refreshed, and each end is judged right", () => {
	story("with the PC five hours ahead of the host", clocks(5, 0), handedOverAndKept);
	story("with the PC five hours behind the host", clocks(-5, 0), handedOverAndKept);
	story("with the host five hours ahead of everybody", clocks(0, 5), handedOverAndKept);
	story("with the host five hours behind everybody", clocks(0, -5), handedOverAndKept);
});

/** A login whose access token has ended: as its claude noted, when that clock came to it. */
async function endedLogin(stage: Stage): Promise<ClaudeAiOauth> {
	const login = await stage.nextLogin({ accessTokenSeconds: 1 });
	const hasEnded = async () => (await stage.provider.liveAccess(login.accessToken)) === undefined;
	await until("its access token has ended", hasEnded);
	return await stage.pc.claudeFor(HOST).login();
}

story(
	"a PC that is ahead hands over a login whose access token has ended",
	clocks(5, 0),
	async (stage) => {
		const service = await stage.serve();
		const login = await endedLogin(stage);
		expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
		expect(whats(stage).slice(0, 2)).toEqual(["staged", "claimed"]);
		return { running: [service], logins: [[login, "vps current"]] };
	},
);

story(
	"a login's end near by is no end that has passed, on a PC that is behind",
	clocks(-5, 0),
	async (stage) => {
		const service = await stage.serve();
		await stage.nextLogin({ refreshTokenDeadlineSeconds: 3 * 3600 });
		const login = await stage.pc.claudeFor(HOST).login();
		expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
		expect((await endsThere(stage)).login).toBeGreaterThan(2 * 3600);
		return { running: [service], logins: [[login, "vps current"]] };
	},
);

/** Longer than the host would wait by itself, and far less than the clocks are apart. */
const RETRY_AFTER_MS = 9_000;

story(
	"a Retry-After that is a date is read by the clock of who sent it",
	clocks(0, -5),
	async (stage) => {
		const { provider } = stage;
		const service = await stage.serve();
		await stage.nextLogin({ accessTokenSeconds: 60 });
		const login = await stage.pc.claudeFor(HOST).login();
		const retryAfter = new Date(Date.now() + RETRY_AFTER_MS).toUTCString();
		await provider.inject("token", { kind: "status", status: 429, retryAfter });
		const asked = await stage.startBaton("handover", HOST);
		await told(stage, "claimed");
		expect(await outcomes(stage)).toEqual(["dropped", "rotated"]);
		const [, second] = await provider.presentations();
		expect(second?.at).toBeGreaterThanOrEqual(Date.parse(retryAfter));
		expect(await asked.ended(40_000)).toMatchObject({ code: 0 });
		return { running: [service], logins: [[login, "vps current"]] };
	},
);
