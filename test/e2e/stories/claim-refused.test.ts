/** The provider does not carry out a claim, each in its way. */
import { expect } from "vitest";
import { fingerprintOf, lineageOf } from "../../parts/token-ledger.ts";
import { SHORT } from "./killed-service.ts";
import { outcomes, published, reached, settled, told, whats } from "./milestones.ts";
import { HOST, PATIENT, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";
import { placesOf } from "./whereabouts.ts";

/** What a person reads, without its line breaks. */
async function words(stage: Stage, program: "baton" | "batond"): Promise<string> {
	return (await stage[program]("status")).stdout.replaceAll(/\s+/g, " ");
}

/** Rotates soon, and lives long enough not to end while a claim is held up. */
const ROTATING: StageOptions = {
	...SHORT,
	accessTokenSeconds: 16,
	vps: { ...SHORT.vps, ...PATIENT },
};

story(
	"invalid_grant: spent and sealed, and an earlier login is kept fresh",
	ROTATING,
	async (stage) => {
		const { provider, pc } = stage;
		const running = [await stage.serve()];
		const claude = pc.claudeFor(HOST);
		const first = await claude.login();
		expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
		await provider.inject("token", { kind: "hold" });
		const second = await claude.login();
		const asked = await stage.startBaton("handover", HOST, "--replace");
		await provider.untilHeld();
		// A logout elsewhere, between the question whose it is and the claim.
		await provider.revokeLogin(lineageOf(second.refreshToken));
		await provider.release();
		expect(await asked.ended(20_000)).toMatchObject({ code: 10 });
		expect(asked.stdout()).toContain("could not claim the login: it is spent or revoked");
		expect(asked.stderr()).toContain(`make a new login for ${HOST}`);

		expect(stage.steps()).toEqual(["sealed"]);
		const fp = fingerprintOf(second.refreshToken);
		expect([...(await placesOf(stage, fp)).keys()]).toEqual(["pc escrow"]);
		expect(await words(stage, "baton")).toMatch(/holds its login.*lost: the claim was refused/);
		expect(await words(stage, "batond")).toContain("default: well");
		await told(stage, "rotated");
		expect(await provider.presentations(lineageOf(second.refreshToken))).toHaveLength(1);
		expect(whats(stage)).not.toContain("needs-login");
		return { running, logins: [[first, "vps current"]] };
	},
);

/** A login whose claim is refused for now. */
async function refused(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()];
	const login = await stage.pc.claudeFor(HOST).login();
	await told(stage, "refresh-refused");
	await reached(stage, "taken");
	return { running, login };
}

/** Claimed in the end; asked after it, the PC hears so at once. */
async function claimedLate(stage: Stage): Promise<void> {
	await told(stage, "claimed");
	await stage.baton("handover", HOST);
	await settled(stage);
	expect(await outcomes(stage)).toEqual(["dropped", "rotated"]);
}

story(
	"403 to the host's address: it serves what it has, and claims when that ends",
	{},
	async (stage) => {
		await stage.provider.inject("token", { kind: "status", status: 403 });
		const { running, login } = await refused(stage);
		await published(stage);
		expect(stage.vps.sinkFile().accessToken).toBe(login.accessToken);
		const token = { code: 0, stdout: `${login.accessToken}\n` };
		const [given, there] = await Promise.all([stage.vps.run("token"), words(stage, "batond")]);
		expect(given).toMatchObject(token);
		expect(there).toContain("a login has arrived and is being claimed");
		expect(there).toContain("the provider refuses with 403");
		expect(there).toContain("the PC can have it back: baton take-back");
		const here = () => words(stage, "baton");
		const page = await until("the PC has heard", here, (text) => text.includes("403"));
		expect(page).toContain("in transit: not claimed yet, as the provider refuses it (403)");
		expect(page).toContain(`to undo it: baton take-back ${HOST}`);
		await claimedLate(stage);
		return { running, logins: [[login, "vps current"]] };
	},
);

story(
	"403 to the host's address: meanwhile it can be taken back, and given again",
	{},
	async (stage) => {
		const { provider, pc } = stage;
		await provider.inject("token", { kind: "status", status: 403 }, "until-cleared");
		const { running, login } = await refused(stage);
		expect(await stage.baton("take-back", HOST)).toMatchObject({ code: 0 });
		expect(whats(stage).at(-1)).toBe("withdrawn");
		expect(pc.claudeFor(HOST).read()?.claudeAiOauth?.refreshToken).toBe(login.refreshToken);
		expect(await words(stage, "baton")).toContain(
			"in its folder here, not handed over, since it was taken back",
		);
		expect(await words(stage, "batond")).toContain("default: no login yet");
		const before = (await outcomes(stage)).length;

		await provider.clearFaults();
		expect(await stage.baton("handover", HOST)).toMatchObject({ code: 0 });
		await settled(stage);
		expect((await outcomes(stage)).slice(before)).toEqual(["rotated"]);
		return { running, logins: [[login, "vps current"]] };
	},
);

/** Longer than the host would wait by itself. */
const RETRY_AFTER_SECONDS = 8;

story("429 with Retry-After: not one request before its time", {}, async (stage) => {
	const { provider } = stage;
	const retryAfter = RETRY_AFTER_SECONDS;
	await provider.inject("token", { kind: "status", status: 429, retryAfter });
	const { running, login } = await refused(stage);
	expect(await words(stage, "batond")).toContain("the provider asks to wait, with 429");
	await claimedLate(stage);
	const [first, second] = await provider.presentations();
	const waited = (second?.at ?? 0) - (first?.at ?? 0);
	expect(waited).toBeGreaterThanOrEqual(RETRY_AFTER_SECONDS * 1000);
	return { running, logins: [[login, "vps current"]] };
});

story(
	"5xx at the question whose it is, then at the claim: claimed in the end",
	{},
	async (stage) => {
		const { provider } = stage;
		await provider.inject("profile", { kind: "status", status: 500 });
		await provider.inject("token", { kind: "status", status: 503 });
		const running = [await stage.serve(), await stage.watch()];
		const login = await stage.pc.claudeFor(HOST).login();
		const there = () => words(stage, "batond");
		await until("it is unnamed", there, (page) => page.includes("has not said whose the login is"));
		await until("it is refused", there, (page) => page.includes("the provider refuses with 5xx"));
		await claimedLate(stage);
		return { running, logins: [[login, "vps current"]] };
	},
);
