/** Two logins of one person on one VPS, by two names: neither waits for the other, or suffers with it. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { lineageOf } from "../../parts/token-ledger.ts";
import { done } from "./milestones.ts";
import { type AuditLine, HOST, PATIENT, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** The name on the VPS, and what the PC calls it. */
const WORK = "work";
const WORK_HOST = "myvps-work";

const TWO_NAMES: StageOptions = {
	// Refreshed at half of it, so that a slow machine has the other half.
	accessTokenSeconds: 16,
	killOldAccess: false,
	pc: { statusEvery: "1s" },
	vps: {
		...PATIENT,
		refresh: { before: "1h" },
		names: {
			default: { sinks: { claude: { type: "claude-code", configDir: "~/claude" } } },
			[WORK]: { sinks: { claude: { type: "claude-code", configDir: "~/sinks/work" } } },
		},
	},
};

interface Told extends AuditLine {
	name?: string;
}

function count(stage: Stage, name: string, what: string): number {
	return stage.audit().filter((line: Told) => line.name === name && line.what === what).length;
}

async function told(stage: Stage, name: string, what: string, times: number): Promise<void> {
	const isTold = () => count(stage, name, what) >= times;
	await until(`${name} tells ${what}`, isTold, Boolean, 60_000);
}

interface Facts {
	name: string;
	state: string;
	need?: string;
	evidence?: { device: string; erasedAt?: number };
	sinks: { state: string }[];
}

async function factsOf(stage: Stage, name: string): Promise<Facts | undefined> {
	const { names } = JSON.parse((await stage.batond("status", "--json")).stdout) as {
		names: Facts[];
	};
	return names.find((one) => one.name === name);
}

function tokenIn(folder: string): string | undefined {
	const file = `${folder}/.credentials.json`;
	if (!existsSync(file)) return undefined;
	const text = readFileSync(file, "utf8");
	return (JSON.parse(text) as { claudeAiOauth: { accessToken: string } }).claudeAiOauth.accessToken;
}

/** Both claimed and served, each to its own folder; a program lives on each. */
async function bothServed(stage: Stage) {
	const { pc, vps, sshd, link } = stage;
	const folder = vps.scratch.at("sinks", "work");
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const options = { login: "dedicated", name: WORK };
	pc.addHost(WORK_HOST, { ...sshd, port: link.port }, pc.scratch.at("device_key"), options);
	const running = [await stage.serve(), await stage.watch()];
	const [own, work] = [await pc.claudeFor(HOST).login(), await pc.claudeFor(WORK_HOST).login()];
	await Promise.all([told(stage, "default", "claimed", 1), told(stage, WORK, "claimed", 1)]);
	await done(stage);
	const isServed = () => tokenIn(vps.claudeFolder) !== undefined && tokenIn(folder) !== undefined;
	await until("both have a token", isServed);
	return { own, work, folder, running };
}

story("two names, two sinks: each is refreshed by itself", TWO_NAMES, async (stage) => {
	const { own, work, folder, running } = await bothServed(stage);
	const consumers = [stage.consume(), stage.consume(folder)];
	await Promise.all([told(stage, "default", "rotated", 2), told(stage, WORK, "rotated", 2)]);
	for (const consumer of consumers) {
		await until("it is served the newest", () => consumer.count().tokens >= 2);
		expect((await consumer.stop()).refused).toBe(0);
	}
	const [ownGood, workGood] = [tokenIn(stage.vps.claudeFolder), tokenIn(folder)];
	expect(ownGood).not.toBe(workGood);
	// A copy of the one that somebody puts where the other is served is known, and no stranger's.
	const { claudeFolder } = stage.vps;
	writeFileSync(`${claudeFolder}/.credentials.json`, JSON.stringify({ claudeAiOauth: work }));
	await told(stage, "default", "copy-disarmed", 1);
	expect(count(stage, "default", "sink-paused")).toBe(0);
	// A token on standard output is what was asked for, so these are not searched for leaks.
	const { vps } = stage;
	const asked = await Promise.all([vps.run("token"), vps.run("token", "--name", WORK)]);
	expect(asked.map(({ code }) => code)).toEqual([0, 0]);
	expect(asked[0]?.stdout).not.toBe(asked[1]?.stdout);
	expect((await stage.batond("check")).stdout).toMatch(/^default: .*\nwork: .*\n$/);
	return {
		running,
		logins: [
			[own, "vps current"],
			[work, `vps current of ${WORK}`],
		],
	};
});

story(
	"one whose sink is broken and whose login is ended holds up no other, and comes back",
	TWO_NAMES,
	async (stage) => {
		const { own, work, folder, running } = await bothServed(stage);
		renameSync(folder, `${folder}.away`);
		writeFileSync(folder, "");
		const rotated = count(stage, "default", "rotated");
		const consumer = stage.consume();
		await told(stage, WORK, "sinks-not-writable", 1);
		await stage.provider.revokeLogin(lineageOf(work.refreshToken));
		rmSync(folder);
		renameSync(`${folder}.away`, folder);
		await told(stage, WORK, "needs-login", 1);
		await told(stage, "default", "rotated", rotated + 2);
		await until("it is served the newest", () => consumer.count().tokens >= 2);
		expect((await consumer.stop()).refused).toBe(0);
		expect(await factsOf(stage, "default")).toMatchObject({ sinks: [{ state: "current" }] });
		expect((await factsOf(stage, "default"))?.need).toBeUndefined();
		expect(await factsOf(stage, WORK)).toMatchObject({
			state: "needs-login",
			need: "revoked-or-reused",
			evidence: { device: "laptop", erasedAt: expect.any(Number) },
		});
		const shown = (await stage.baton("status")).stdout.replace(/\s+/g, " ");
		expect(shown).toContain(`${HOST} holds its login`);
		expect(shown).toContain(
			`${WORK_HOST} needs a login: its login was revoked, or spent elsewhere most likely: ` +
				"the session was ended on the account's page or by a logout",
		);
		expect(shown).toContain(`make a new login for ${WORK_HOST}: baton login ${WORK_HOST}`);

		const next = await stage.pc.claudeFor(WORK_HOST).login();
		await told(stage, WORK, "claimed", 2);
		await done(stage);
		await until("it is served again", async () => {
			const token = tokenIn(folder);
			return token !== undefined && (await stage.provider.liveAccess(token)) !== undefined;
		});
		return {
			running,
			logins: [
				[own, "vps current"],
				[work, "nowhere"],
				[next, `vps current of ${WORK}`],
			],
		};
	},
);
