import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { outcomes, published, settled, whats } from "./milestones.ts";
import { seenBy } from "./seen-by.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const FOLLOW = { login: "follow-login" } as const;
const ASKED = { ...FOLLOW, followLogin: "when-asked" } as const;

/** A watcher that has opened a permit, as the host needs a login. */
async function permitted(stage: Stage): Promise<Child[]> {
	await stage.pc.claude.login();
	const service = await stage.serve();
	const watcher = await stage.watch();
	await watcher.line(/"kind":"host-needs-login"/);
	return [service, watcher];
}

async function handedOver(watcher: Child | undefined): Promise<void> {
	await watcher?.line(/"kind":"handed-over"/, 20_000);
}

/** Another login, on the PC, which nobody gave leave for: seen, and not touched. */
async function leftAlone(stage: Stage): Promise<ClaudeAiOauth> {
	const noPermit = expect.not.stringContaining('"permit"');
	expect(await stage.baton("status", "--json")).toMatchObject({ stdout: noPermit });
	const login = await stage.pc.claude.login();
	await until("the watcher has seen it", () => seenBy(stage, login.refreshToken));
	expect([stage.steps(), stage.ownToken()]).toEqual([[], login.refreshToken]);
	return login;
}

story("follow-login, then a second login on the PC is left alone", FOLLOW, async (stage) => {
	const { pc } = stage;
	const running = await permitted(stage);
	const login = await pc.claude.login();
	await handedOver(running[1]);
	await settled(stage);
	expect(stage.ownToken()).toBe("");
	await published(stage);
	expect(stage.vps.sinkFile().refreshToken).toBe("");

	const second = await leftAlone(stage);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	expect(await pc.claude.refresh({ force: true })).toBe("refreshed");
	expect(stage.processes.kinds()).toEqual(expect.arrayContaining(["accept", "serve", "watch"]));
	const logins = [
		[login, "vps current"],
		[second, "pc store"],
	] as const;
	return { running, logins };
});

story("a login that was asked for, then a second one is left alone", ASKED, async (stage) => {
	const { pc } = stage;
	await pc.claude.login();
	const running = [await stage.serve(), await stage.watch()];
	const asked = await stage.startBaton("handover", HOST, "--next-login");
	await asked.line(/run \/login/);
	const login = await pc.claude.login();
	expect(await asked.ended(20_000)).toMatchObject({ code: 0 });
	await settled(stage);
	const second = await leftAlone(stage);
	const logins = [
		[login, "vps current"],
		[second, "pc store"],
	] as const;
	return { running, logins };
});

story("a dedicated login leaves the PC's own alone", {}, async (stage) => {
	const { pc } = stage;
	const own = await pc.claude.login();
	const before = readFileSync(pc.claude.credentialsPath);
	const running = [await stage.serve(), await stage.watch()];
	const login = await pc.claudeFor(HOST).login();
	await handedOver(running[1]);
	await settled(stage);
	await published(stage);
	expect(stage.vps.sinkFile().refreshToken).toBe("");
	expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toBeUndefined();
	expect(readFileSync(pc.claude.credentialsPath).equals(before)).toBe(true);
	const logins = [
		[own, "pc store"],
		[login, "vps current"],
	] as const;
	return { running, logins };
});

story("the PC's own rotation is not handed over, and uses up no permit", FOLLOW, async (stage) => {
	const { pc } = stage;
	const running = await permitted(stage);
	for (const force of [true, true]) {
		expect(await pc.claude.refresh({ force })).toBe("refreshed");
		await until("the watcher has seen it", () => seenBy(stage, stage.ownToken() ?? ""));
		expect(stage.steps()).toEqual([]);
	}
	expect(stage.audit()).toEqual([]);
	const login = await pc.claude.login();
	await handedOver(running[1]);
	expect(whats(stage)).toEqual(["staged", "claimed"]);
	await settled(stage);
	return { running, logins: [[login, "vps current"]] };
});

story("a healthy VPS declines, and the PC keeps its login", FOLLOW, async (stage) => {
	const { pc, provider } = stage;
	const running = await permitted(stage);
	const login = await pc.claude.login();
	await handedOver(running[1]);

	const second = await pc.claude.login();
	const asked = await stage.baton("handover", HOST);
	expect([asked.code, asked.stdout]).toEqual([11, expect.stringContaining("declined")]);
	expect(stage.ownToken()).toBe(second.refreshToken);

	const waiting = await stage.startBaton("handover", HOST, "--next-login");
	await waiting.line(/run \/login/);
	const third = await pc.claude.login();
	expect(await waiting.ended()).toMatchObject({ code: 11 });
	expect(stage.ownToken()).toBe(third.refreshToken);
	expect(await stage.baton("status")).toMatchObject({
		stdout: expect.not.stringMatching(/permit/),
	});

	const presented = (await provider.presentations()).map(({ fp }) => fp);
	expect(presented).toEqual([fingerprintOf(login.refreshToken)]);
	const logins = [
		[login, "vps current"],
		[third, "pc store"],
	] as const;
	return { running, logins };
});
