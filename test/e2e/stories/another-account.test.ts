/**
 * A host keeps to the account of its first login. What a file says of an account is a hint; whose a
 * login is, only the provider tells.
 */
import { expect } from "vitest";
import type { Account, ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { outcomes, published, settled, told, whats } from "./milestones.ts";
import { ALICE, HOST, PATIENT, type Stage } from "./stage.ts";
import { story } from "./story.ts";

const BOB: Account = {
	uuid: "00000000-0000-4000-8000-000000000b0b",
	email: "bob@example.invalid",
	organizationUuid: "00000000-0000-4000-8000-0000000000b1",
};

/** The host serves a login of Alice's; no watcher runs, so that only a person offers anything. */
async function servesAlice(stage: Stage) {
	const claude = stage.pc.claudeFor(HOST);
	const running = [await stage.serve()];
	const first = await claude.login();
	expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
	await settled(stage);
	await published(stage);
	return { running, first, claude };
}

/** Bob's login, as his claude writes it but for what the story changes. */
async function loginOfBob(
	stage: Stage,
	change: (login: Partial<ClaudeAiOauth>) => void = () => {},
) {
	change(await stage.nextLogin({ account: BOB }));
	return await stage.pc.claudeFor(HOST).login(BOB);
}

async function expectServesAlice({ provider, vps }: Stage): Promise<void> {
	const live = await provider.liveAccess(vps.sinkFile().accessToken);
	expect(live?.account.uuid).toBe(ALICE.uuid);
}

/** A page without its line breaks. */
const flat = (page: string) => page.replaceAll(/\s+/g, " ");

function presentedBy({ refreshToken }: ClaudeAiOauth, fps: string[]): boolean {
	return fps.includes(fingerprintOf(refreshToken));
}

story(
	"a login that says it is of another account is declined, replace or not",
	{},
	async (stage) => {
		const { running, first } = await servesAlice(stage);
		const bobs = await loginOfBob(stage);
		for (const args of [[], ["--replace"]]) {
			const { code, stdout, stderr } = await stage.baton("handover", HOST, ...args);
			expect([code, stdout]).toEqual([11, expect.stringContaining("of another account")]);
			expect(stderr).toMatch(/make a login of that one: ./);
		}
		const { stdout } = await stage.baton("status");
		expect(flat(stdout)).toContain("not handed over, since it is of another account");
		expect(stdout).not.toContain("--replace");
		expect([whats(stage), await outcomes(stage)]).toEqual([["staged", "claimed"], ["rotated"]]);
		await expectServesAlice(stage);
		const logins = [
			[first, "vps current"],
			[bobs, "pc dedicated folder"],
		] as const;
		return { running, logins };
	},
);

const LIES: readonly (readonly [string, (login: Partial<ClaudeAiOauth>) => void])[] = [
	[
		"a login that says it is of our account and is not: not taken, put back",
		(login) => {
			login.accountUuid = ALICE.uuid;
		},
	],
	[
		"a login that does not say whose it is and is another's: not taken, put back",
		(login) => {
			delete login.accountUuid;
		},
	],
];

for (const [title, lie] of LIES) {
	story(title, {}, async (stage) => {
		const { running, first } = await servesAlice(stage);
		const consumer = stage.consume();
		const before = stage.vps.sinkFile();
		const bobs = await loginOfBob(stage, lie);
		const { code, stdout, stderr } = await stage.baton("handover", HOST, "--replace");
		expect([code, stdout]).toEqual([11, expect.stringContaining("back on this PC")]);
		expect(stdout).toContain("of another account");
		expect(stderr).toContain("make a login of that one");
		expect(stage.audit().at(-1)).toMatchObject({ what: "not-taken", reason: "other-account" });
		const { stdout: words } = await stage.baton("status");
		expect(flat(words)).toContain("not handed over, since it is of another account");
		expect(words).not.toContain("--replace");
		const presented = (await stage.provider.presentations()).map(({ fp }) => fp);
		expect(presentedBy(bobs, presented)).toBe(false);
		expect(stage.vps.sinkFile()).toEqual(before);
		await expectServesAlice(stage);
		expect(await consumer.stop()).toMatchObject({ refused: 0, tokens: 1 });
		const logins = [
			[first, "vps current"],
			[bobs, "pc dedicated folder"],
		] as const;
		return { running, logins };
	});
}

story(
	"a login claimed unseen that turns out to be another's is let go of, and never served",
	{ vps: PATIENT },
	async (stage) => {
		const { running, first } = await servesAlice(stage);
		const { provider } = stage;
		const consumer = stage.consume();
		const before = stage.vps.sinkFile();
		const bobs = await loginOfBob(stage, (login) => {
			login.accountUuid = ALICE.uuid;
			login.expiresAt = Date.now() - 1;
		});
		await provider.inject("profile", { kind: "hold" });
		const asked = await stage.startBaton("handover", HOST, "--replace");
		await told(stage, "verifying");
		await provider.untilHeld();
		const [there, here] = await Promise.all([stage.batond("status"), stage.baton("status")]);
		expect(there.stdout).toContain("default: well");
		expect(there.stdout).toContain(
			"a new login from laptop is claimed, its account yet to be named",
		);
		expect(flat(here.stdout)).toContain("a new one is in transit");
		expect(stage.vps.sinkFile()).toEqual(before);

		await provider.release();
		expect(await asked.ended(20_000)).toMatchObject({ code: 10 });
		expect(asked.stdout()).toContain("it is of another account");
		expect(asked.stderr()).toContain("make a login of that one");
		expect(stage.audit().at(-1)).toMatchObject({ reason: "other-account" });
		expect(flat((await stage.baton("status")).stdout)).toMatch(
			/lost: claimed, and then found to be of another account .*make a login of that one/,
		);
		expect(whats(stage).slice(2)).toEqual(["staged", "verifying", "claim-refused"]);
		expect(stage.steps()).toEqual(["sealed"]);
		expect(stage.vps.sinkFile()).toEqual(before);
		await expectServesAlice(stage);
		expect(await consumer.stop()).toMatchObject({ refused: 0, tokens: 1 });
		const logins = [
			[first, "vps current"],
			[bobs, "nowhere"],
		] as const;
		return { running, logins };
	},
);
