/**
 * A story is a test on a stage of its own. However it goes, it ends alike: both programs end in order,
 * no token was spent twice, none stands where it should not, and each login's newest refresh token
 * lies in the one place that the story names.
 */
import { expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../../parts/canary.ts";
import type { Child } from "../../parts/child-process.ts";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { REFRESH_PREFIX } from "../../parts/oauth-server.ts";
import { otherClockMissing } from "../../parts/other-clock.ts";
import { smallDiskMissing } from "../../parts/small-disk.ts";
import { sshdMissing } from "../../parts/sshd.ts";
import { raiseStage, type Stage, type StageOptions } from "./stage.ts";
import { newestOf, type Place, placesOf } from "./whereabouts.ts";

export interface Ending {
	/** Each login of the story, and the one place of its newest refresh token. */
	readonly logins: readonly (readonly [ClaudeAiOauth, Place | "nowhere"])[];
	/** Presentations of a spent token: the one late try of a story that is about it. */
	readonly lateTries?: number;
	/** Where a person gave a token to a program on purpose, as the search of processes names it. */
	readonly givenIn?: string;
	/** Files of the VPS in which a person's own login lies. */
	readonly ownLogins?: readonly string[];
	/** What runs still, to be ended in order. */
	readonly running?: readonly Child[];
}

export interface StoryOptions extends StageOptions {
	/** Why it cannot be told here, beside what every story needs. */
	missing?: string | undefined;
}

export function story(
	title: string,
	options: StoryOptions,
	tell: (stage: Stage) => Promise<Ending>,
): void {
	const clocks = options.ahead === undefined ? undefined : otherClockMissing();
	const disk = options.smallDisk === undefined ? undefined : smallDiskMissing();
	const missing = sshdMissing() ?? clocks ?? disk ?? options.missing;
	test.skipIf(missing !== undefined)(title, async () => {
		const stage = await raiseStage(options);
		try {
			await end(stage, await tell(stage));
		} finally {
			await stage.close();
		}
	});
}

async function end(stage: Stage, ending: Ending): Promise<void> {
	const { logins, lateTries = 0, ownLogins = [], running = [], givenIn } = ending;
	await askForStatus(stage);
	expect(stage.processes.kinds()).not.toEqual([]);
	for (const child of running) child.kill("SIGTERM");
	for (const child of running) expect(await child.ended(20_000)).toEqual({ code: 0, signal: null });
	expect(stage.processes.leaks()).toEqual(givenIn === undefined ? [] : [givenIn]);
	expect(leaksOn(stage, ownLogins)).toEqual([]);
	expect(await stage.provider.spentTwice()).toHaveLength(lateTries);
	for (const [login, place] of logins) await expectOnlyAt(stage, login, place);
}

/** Status output is searched too. */
async function askForStatus(stage: Stage): Promise<void> {
	const both = [["status"], ["status", "--json"]];
	const asked = [stage, ...stage.otherPcs].flatMap((one) => both.map((args) => one.baton(...args)));
	const hosts = [stage, ...stage.otherVpses];
	const told = hosts.flatMap((host) => both.map((args) => host.batond(...args)));
	await Promise.all([...asked, ...told]);
}

/** Tokens belong into claude's own files; of sinks' files, only access tokens. */
function leaksOn(stage: Stage, ownLogins: readonly string[]) {
	const { pc, vps, said, otherPcs, otherVpses } = stage;
	const hosts = [vps, ...otherVpses.map((other) => other.vps)];
	const sinks = hosts.flatMap((host) => [host.claudeFolder, host.scratch.at("sinks")]);
	const pcs = [pc, ...otherPcs.map((other) => other.pc)];
	const own = pcs.flatMap(({ claude, scratch }) => [
		claude.credentialsPath,
		scratch.at("state", "logins"),
	]);
	const refreshToken = new RegExp(`${REFRESH_PREFIX}[\\w-]*`);
	return [
		...findLeaks({
			pattern: CANARY_PATTERN,
			texts: said(),
			paths: [...hosts, ...pcs].map(({ scratch }) => scratch.path),
			allowed: [...own, ...sinks],
		}),
		...findLeaks({
			pattern: refreshToken,
			paths: hosts.map(({ scratch }) => scratch.path),
			allowed: ownLogins,
		}),
	];
}

/** The last copy is never lost, and never doubled once a hand-over is over. */
async function expectOnlyAt(stage: Stage, login: ClaudeAiOauth, place: Place | "nowhere") {
	const places = await placesOf(stage, await newestOf(stage, login));
	expect([...places.keys()]).toEqual(place === "nowhere" ? [] : [place]);
	for (const token of places.values()) expect(await stage.provider.liveRefresh(token)).toBe(true);
}
