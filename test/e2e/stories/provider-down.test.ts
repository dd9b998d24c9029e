/** The provider cannot be reached for longer than an access token lives. */
import { expect } from "vitest";
import { lineageOf } from "../../parts/token-ledger.ts";
import { outcomes, published, settled, told, whats } from "./milestones.ts";
import { HOST, type StageOptions } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** Access tokens live for six seconds, are replaced at half their life, and live on when replaced. */
const OPTIONS: StageOptions = {
	accessTokenSeconds: 6,
	killOldAccess: false,
	vps: { refresh: { before: "1h" } },
	pc: { statusEvery: "1s" },
};

story(
	"the provider is away for longer than a token lives: the login comes back by itself",
	OPTIONS,
	async (stage) => {
		const { provider, vps } = stage;
		const running = [await stage.serve(), await stage.watch()];
		const login = await stage.pc.claudeFor(HOST).login();
		await settled(stage);
		await published(stage);
		const consumer = stage.consume();
		await until("the consumer is served", () => consumer.count().tokens === 1);
		const { accessToken } = vps.sinkFile();
		await provider.down();
		await told(stage, "refresh-refused");
		expect(await provider.liveAccess(accessToken)).toBeDefined();
		expect(consumer.count().refused).toBe(0);

		const isDead = async () => (await provider.liveAccess(accessToken)) === undefined;
		await until("the access token has ended", isDead);
		const isRefused = () => consumer.count().row > 0;
		await until("the consumer is refused", isRefused);
		const there = async () => (await stage.batond("status")).stdout;
		const page = await until("the host says so", there, (text) => text.includes("has ended"));
		expect(page).toContain("default: holds the login, but its access token has ended");
		expect(page).toContain("the provider is out of reach");
		expect(page).toContain("next: none, but if it stays so, see that this host can reach");
		const token = await stage.batond("token");
		expect([token.code, token.stdout]).toEqual([13, ""]);
		expect(token.stderr).toContain("the login is held, but the provider is out of reach");
		const heard = async () => (await stage.baton("status")).stdout.replaceAll(/\s+/g, " ");
		await until("the PC has heard", heard, (words) => words.includes("out of reach from there"));

		await provider.up();
		await told(stage, "rotated");
		await published(stage, accessToken);
		await until("the consumer is served again", () => consumer.count().row === 0);
		const refusedMeanwhile = consumer.count().refused;
		await told(stage, "rotated", 2);
		await until("the consumer has the next token", () => consumer.count().tokens >= 3);
		expect((await consumer.stop()).refused).toBe(refusedMeanwhile);
		expect(new Set(await outcomes(stage))).toEqual(new Set(["rotated"]));
		expect(await provider.rotations(lineageOf(login.refreshToken))).toBeGreaterThanOrEqual(3);
		expect(whats(stage)).not.toContain("needs-login");
		return { running, logins: [[login, "vps current"]] };
	},
);

story(
	"the provider is away at a hand-over: the login waits there, and is claimed later",
	{},
	async (stage) => {
		const { provider } = stage;
		const service = await stage.serve();
		const login = await stage.pc.claudeFor(HOST).login();
		await provider.down();
		const asked = await stage.startBaton("handover", HOST);
		await told(stage, "staged");
		const there = async () => (await stage.batond("status")).stdout;
		const words = await until("it has been tried", there, (page) =>
			page.includes("has not said whose"),
		);
		expect(words).toContain("a login has arrived and is being claimed");
		expect(words).toContain(
			"next: none, but if it stays so, see that this host can reach the provider",
		);
		await published(stage);
		expect(stage.vps.sinkFile().accessToken).toBe(login.accessToken);
		await provider.up();
		expect(await asked.ended(40_000)).toMatchObject({ code: 0 });
		expect(await outcomes(stage)).toEqual(["rotated"]);
		await published(stage);
		return { running: [service], logins: [[login, "vps current"]] };
	},
);
