/**
 * The provider's reply is slow, cut or no reply at all. It may have rotated the token, so the token is
 * not presented again as if nothing had happened.
 */
import { expect } from "vitest";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import type { ProviderFault } from "../../parts/provider-fault.ts";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import { offerOf } from "../batond-host.ts";
import { outcomes, published, reached, settled, told, whats } from "./milestones.ts";
import { speak } from "./speak.ts";
import { HOST, type Stage, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** Each after the provider has done what was asked. */
const REPLIES: Readonly<Record<string, ProviderFault>> = {
	slow: { kind: "delay", ms: 3_000, when: "after" },
	lost: { kind: "lose-reply" },
	truncated: { kind: "body", body: "truncated" },
	stalled: { kind: "body", body: "stalled" },
	huge: { kind: "body", body: "huge" },
	empty: { kind: "body", body: "empty" },
	garbage: { kind: "body", body: "garbage" },
	html: { kind: "body", body: "html" },
	"gateway-timeout": { kind: "status", status: 504, when: "after" },
};

const NAMES = Object.keys(REPLIES);

/** A custody for each, so that all are looked at side by side. */
const EACH: StageOptions = {
	accessTokenSeconds: 16,
	vps: {
		refresh: { before: "1h" },
		timing: { requestLimit: "3s", deadConfirm: "500ms" },
		names: Object.fromEntries(["default", ...NAMES].map((name) => [name, { sinks: {} }])),
	},
};

/** Hands a login to each custody. */
async function deliverToEach(stage: Stage): Promise<ClaudeAiOauth[]> {
	const device = await speak(stage);
	const logins: ClaudeAiOauth[] = [];
	for (const name of NAMES) {
		const login = await stage.provider.mintLogin();
		const fp = fingerprintOf(login.refreshToken);
		const { nonce } = await device.ask({ ...offerOf(login), name });
		await device.ask({ type: "deliver", name, fp, nonce, session: { ...login } });
		logins.push(login);
	}
	return logins;
}

async function spoilAll({ provider }: Stage): Promise<void> {
	for (const fault of Object.values(REPLIES)) await provider.inject("token", fault);
}

const gone = (logins: readonly ClaudeAiOauth[]) =>
	logins.map((login) => [login, "nowhere"] as const);

story(
	"a claim's reply is slow, cut, huge, empty, HTML or no JSON: spent, and never tried again",
	EACH,
	async (stage) => {
		const running = [await stage.serve()];
		await spoilAll(stage);
		const logins = await deliverToEach(stage);
		await told(stage, "claim-refused", NAMES.length);
		const kinds = ["staged", "in-doubt", "claim-refused"];
		for (const kind of kinds) expect(count(whats(stage), kind)).toBe(NAMES.length);
		expect(await outcomes(stage)).toEqual(NAMES.map(() => "rotated"));
		const device = await speak(stage);
		for (const [index, name] of NAMES.entries()) {
			const fp = fingerprintOf(logins[index]?.refreshToken ?? "");
			expect(await device.ask({ type: "custody", name, fp })).toMatchObject({ type: "spent" });
		}
		return { running, logins: gone(logins) };
	},
);

story(
	"a refresh's reply is slow, cut, huge, empty, HTML or no JSON: named as lost, never tried again",
	EACH,
	async (stage) => {
		const running = [await stage.serve()];
		const logins = await deliverToEach(stage);
		await told(stage, "claimed", NAMES.length);
		await spoilAll(stage);
		await told(stage, "needs-login", NAMES.length);
		const lost = stage.audit().filter(({ what }) => what === "needs-login");
		expect(lost.map(({ reason }) => reason)).toEqual(NAMES.map(() => "lost-in-flight"));
		expect(await outcomes(stage)).toEqual([...NAMES, ...NAMES].map(() => "rotated"));
		const { stdout } = await stage.batond("status");
		expect(stdout).toContain("html: needs a new login: the answer to a refresh was lost");
		expect(stdout).toContain("next: on the PC, baton status says how to make a new login");
		const token = await stage.batond("token", "--name", "html");
		expect([token.code, token.stdout]).toEqual([10, ""]);
		return { running, logins: gone(logins) };
	},
);

function count(all: readonly string[], one: string): number {
	return all.filter((each) => each === one).length;
}

/** A page of something in between, which the provider never saw a request through. */
const PAGE: ProviderFault = { kind: "body", body: "html", when: "before" };

/** Access tokens live for ten seconds and are replaced at half their life. */
const SHORT: StageOptions = { accessTokenSeconds: 10, vps: { refresh: { before: "1h" } } };

story(
	"a proxy's page instead of a claim, which the provider never saw: claimed late",
	SHORT,
	async (stage) => {
		const running = [await stage.serve(), await stage.watch()];
		await stage.provider.inject("token", PAGE);
		const login = await stage.pc.claudeFor(HOST).login();
		await told(stage, "in-doubt");
		await reached(stage, "taken");
		const [there, here] = await Promise.all([stage.batond("status"), stage.baton("status")]);
		expect(there.stdout).toContain("its claim got no answer; waiting to see what became of it");
		expect(here.stdout).toContain("nobody may spend it");
		expect((await stage.baton("take-back", HOST)).code).toBe(11);
		await settled(stage);
		expect(whats(stage).slice(0, 3)).toEqual(["staged", "in-doubt", "claimed"]);
		expect((await outcomes(stage)).slice(0, 2)).toEqual(["dropped", "rotated"]);
		return { running, logins: [[login, "vps current"]] };
	},
);

story(
	"a proxy's page instead of a refresh, which the provider never saw: served on, made good late",
	SHORT,
	async (stage) => {
		const running = [await stage.serve(), await stage.watch()];
		const login = await stage.pc.claudeFor(HOST).login();
		await settled(stage);
		await published(stage);
		const consumer = stage.consume();
		await until("the consumer is served", () => consumer.count().tokens === 1);
		await stage.provider.inject("token", PAGE);
		await told(stage, "in-doubt");
		const { stdout } = await stage.batond("status");
		expect(stdout).toContain("a refresh got no answer; waiting to see what became of it");
		expect((await stage.vps.run("token")).code).toBe(0);
		expect(consumer.count().refused).toBe(0);
		await told(stage, "rotated");
		expect((await outcomes(stage)).slice(0, 3)).toEqual(["rotated", "dropped", "rotated"]);
		return { running, logins: [[login, "vps current"]] };
	},
);
