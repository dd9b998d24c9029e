/** A copy of a login that was handed over comes back on the PC, from a backup: disarmed, never spent. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { FakeClaude } from "../../parts/fake-claude.ts";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { SHORT } from "./killed-service.ts";
import { outcomes, settled, statusWords, told, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";
import { newestOf, placesOf } from "./whereabouts.ts";

/** Handed over: the claim has replaced its token. */
async function handedOver(stage: Stage) {
	const running = [await stage.serve(), await stage.watch()] as const;
	const login = await stage.pc.claudeFor(HOST).login();
	await settled(stage);
	return { running, login };
}

/** As a backup program would: no lock, the whole file. */
function restore({ credentialsPath }: FakeClaude, login: ClaudeAiOauth): void {
	mkdirSync(join(credentialsPath, ".."), { recursive: true });
	writeFileSync(credentialsPath, JSON.stringify({ claudeAiOauth: login }), { mode: 0o600 });
}

async function disarmed({ read }: FakeClaude): Promise<void> {
	const token = () => read()?.claudeAiOauth?.refreshToken;
	await until("the copy is disarmed", () => !token());
}

/** No token was presented but by the VPS, each once, and it refreshes again. */
async function aliveAndWell(stage: Stage): Promise<void> {
	const rotations = whats(stage).filter((what) => what === "rotated").length;
	await told(stage, "rotated", rotations + 1);
	expect(new Set(await outcomes(stage))).toEqual(new Set(["rotated"]));
	expect(await stage.provider.spentTwice()).toEqual([]);
	expect(await statusWords(stage)).toContain(`${HOST} holds its login`);
}

const PLACES = [
	["the PC's own place", (stage: Stage) => stage.pc.claude],
	["the host's folder", (stage: Stage) => stage.pc.claudeFor(HOST)],
] as const;

for (const [where, claudeOf] of PLACES) {
	story(`a retired token restored in ${where} is disarmed at once`, SHORT, async (stage) => {
		const { running, login } = await handedOver(stage);
		restore(claudeOf(stage), login);
		await running[1].line(/"kind":"copy-disarmed"/, 20_000);
		await disarmed(claudeOf(stage));
		expect(running[1].stderr()).toContain(
			"if you restored no backup, look what copies claude's files to this PC",
		);
		await aliveAndWell(stage);
		return { running, logins: [[login, "vps current"]] };
	});

	story(
		`one restored in ${where} while nobody watched is disarmed at the start`,
		SHORT,
		async (stage) => {
			const { running, login } = await handedOver(stage);
			running[1].kill("SIGTERM");
			await running[1].ended();
			restore(claudeOf(stage), login);
			const again = await stage.watch();
			await again.line(/"kind":"copy-disarmed"/, 20_000);
			await disarmed(claudeOf(stage));
			await aliveAndWell(stage);
			return { running: [running[0], again], logins: [[login, "vps current"]] };
		},
	);

	story(
		`a copy of the current token in ${where}, which only the VPS knows, is disarmed`,
		{
			...SHORT,
			accessTokenSeconds: 600,
			vps: {},
		},
		async (stage) => {
			const running = [await stage.serve(), await stage.watch()] as const;
			const login = await stage.pc.claudeFor(HOST).login();
			await settled(stage);
			const [current] = (await placesOf(stage, await newestOf(stage, login))).values();
			restore(claudeOf(stage), { ...login, refreshToken: current ?? "" });
			await running[1].line(/"kind":"copy-disarmed"/, 20_000);
			await disarmed(claudeOf(stage));
			expect(await outcomes(stage)).toEqual(["rotated"]);
			return { running, logins: [[login, "vps current"]] };
		},
	);
}

story(
	"a copy in the folder of another host is disarmed, and not handed over there",
	SHORT,
	async (stage) => {
		const other = await stage.addVps("second");
		const service = await other.serve();
		const { running, login } = await handedOver(stage);
		restore(stage.pc.claudeFor("second"), login);
		await running[1].line(/"kind":"copy-disarmed"/, 20_000);
		await disarmed(stage.pc.claudeFor("second"));
		await aliveAndWell(stage);
		expect(whats(other)).toEqual([]);
		return { running: [...running, service], logins: [[login, "vps current"]] };
	},
);
