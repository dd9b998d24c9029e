/** Two VPSes of one person: each gets its own login, and neither waits for the other. */
import { expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { done, outcomes, published, statusWords, told, whats } from "./milestones.ts";
import { HOST, type OtherVps, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const SECOND = "second";

story("two hosts, each with a login of its own, at the same time", {}, async (stage) => {
	const { pc, provider } = stage;
	const other = await stage.addVps(SECOND);
	const services = await Promise.all([stage.serve(), other.serve()]);
	const watcher = await stage.watch();
	const [first, second] = [await pc.claudeFor(HOST).login(), await pc.claudeFor(SECOND).login()];
	await Promise.all([told(stage, "claimed"), told(other, "claimed")]);
	await done(stage);
	await Promise.all([published(stage), published({ vps: other.vps, provider })]);
	expect(await outcomes(stage)).toEqual(["rotated", "rotated"]);
	const shown = await statusWords(stage);
	for (const host of [HOST, SECOND])
		expect(shown).toContain(`${host} holds its login, generation 1`);
	const logins = [
		[first, "vps current"],
		[second, "other vps current"],
	] as const;
	return { running: [...services, watcher], logins };
});

story("a host that is down does not hold up the other", {}, async (stage) => {
	const { pc } = stage;
	const other = await stage.addVps(SECOND);
	other.link.refuse(true);
	const services = await Promise.all([stage.serve(), other.serve()]);
	const watcher = await stage.watch();
	const second = await pc.claudeFor(SECOND).login();
	await watcher.line(
		/"kind":"host-unreachable".*"host":"second"|"host":"second".*"kind":"host-unreachable"/,
	);
	const first = await pc.claudeFor(HOST).login();
	await told(stage, "claimed");
	await until("only the other is under way", () => stage.steps().join() === "pending");
	const shown = await statusWords(stage);
	expect(shown).toContain(`${HOST} holds its login`);
	expect(shown).toContain(`${SECOND} not known yet whether it holds a login`);
	expect(shown).toContain("to be offered; nothing has been touched");
	expect(pc.claudeFor(SECOND).read()?.claudeAiOauth).toEqual(second);

	other.link.refuse(false);
	await told(other, "claimed");
	await done(stage);
	const logins = [
		[first, "vps current"],
		[second, "other vps current"],
	] as const;
	return { running: [...services, watcher], logins };
});

/** Which of the two the next `/login` goes to, as `baton status` tells. */
async function permitFor(stage: Stage): Promise<string | undefined> {
	return /the next \/login on this PC goes to (\w+)/.exec(await statusWords(stage))?.[1];
}

async function claimedBy(stage: Stage, other: OtherVps, host: string): Promise<void> {
	await told(host === HOST ? stage : other, "claimed");
	await done(stage);
}

story(
	"both need a login: one permit at a time, and each login goes to one host",
	{
		login: "follow-login",
		pc: { statusEvery: "1s" },
	},
	async (stage) => {
		const { pc } = stage;
		await pc.claude.login();
		const other = await stage.addVps(SECOND);
		const services = await Promise.all([stage.serve(), other.serve()]);
		const watcher = await stage.watch();
		const taken: [string, ClaudeAiOauth][] = [];
		for (const count of [1, 2]) {
			const host = await until("a permit is open", () => permitFor(stage));
			const login = await pc.claude.login();
			taken.push([host ?? "", login]);
			await claimedBy(stage, other, host ?? "");
			expect([...whats(stage), ...whats(other)].filter((what) => what === "claimed")).toHaveLength(
				count,
			);
			expect(stage.ownToken()).toBe("");
		}
		expect(taken.map(([host]) => host).sort()).toEqual([HOST, SECOND]);
		expect(await permitFor(stage)).toBeUndefined();
		const own = await pc.claude.login();
		const logins = taken.map(
			([host, login]) => [login, host === HOST ? "vps current" : "other vps current"] as const,
		);
		return { running: [...services, watcher], logins: [...logins, [own, "pc store"] as const] };
	},
);

story("a hand-over without a host is asked for which, and does nothing", {}, async (stage) => {
	await stage.addVps(SECOND);
	const login = await stage.pc.claudeFor(HOST).login();
	const asked = await stage.baton("handover");
	expect([asked.code, asked.stdout]).toEqual([2, ""]);
	expect(asked.stderr).toContain("to which host?");
	expect(asked.stderr).toContain(`name one: ${HOST}, ${SECOND}`);
	return { logins: [[login, "pc dedicated folder"]] };
});
