/** The official claude makes the login here, and reads what a sink has written there. */
import { existsSync } from "node:fs";
import { expect } from "vitest";
import { runChild } from "../../parts/child-process.ts";
import { importForm, provideRealClaude, realClaudeEnvironment } from "../../parts/real-claude.ts";
import { opensslMissing } from "../../parts/scratch-ca.ts";
import { startTlsFront } from "../../parts/tls-front.ts";
import { lineageOf } from "../../parts/token-ledger.ts";
import { published, settled } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";

const TOKEN = "platform.claude.com/v1/oauth/token";
const PROFILE = "api.anthropic.com/api/oauth/profile";
/** Asked once at a login, for people's roles in a company; not found is an answer. */
const ROLES = "api.anthropic.com/api/oauth/claude_cli/roles";

function frontOf({ provider }: Stage) {
	return startTlsFront({ [TOKEN]: provider.tokenUrl, [PROFILE]: provider.profileUrl });
}

const { path: program, missing } = await provideRealClaude();
const NEEDS = { missing: missing ?? opensslMissing() };

story("the real claude logs in, and its login reaches the VPS", NEEDS, async (stage) => {
	const { pc, vps, provider } = stage;
	const front = await frontOf(stage);
	try {
		const running = [await stage.serve()];
		const login = await stage.nextLogin();
		const env = {
			...realClaudeEnvironment(front),
			...importForm(login.refreshToken, login.scopes),
		};
		const options = pc.optionsOf(["login", HOST, "--claude", program], env);
		const { code, stdout, stderr } = await runChild({ ...options, limitMs: 60_000 });
		expect([code, stdout]).toEqual([0, `handed over to ${HOST}\n`]);
		expect(stderr).toContain("Login successful.");
		expect(front.requests()).toEqual([`POST ${TOKEN}`, `GET ${PROFILE}`, `GET ${ROLES}`]);
		await settled(stage);
		await published(stage);
		expect(existsSync(pc.scratch.at("state", "logins", HOST, ".credentials.json"))).toBe(false);

		// The claude of the VPS, on the file that the sink has written.
		const home = { HOME: vps.scratch.path, CLAUDE_CONFIG_DIR: vps.claudeFolder };
		const before = { presented: await provider.presentations(), file: vps.sinkFile() };
		const there = await runChild({
			argv: [program, "auth", "status", "--json"],
			env: { ...realClaudeEnvironment(front), ...home },
		});
		expect(there.code).toBe(0);
		expect(JSON.parse(there.stdout)).toMatchObject({ loggedIn: true, authMethod: "claude.ai" });
		expect(
			front
				.requests()
				.slice(3)
				.filter((one) => one !== `GET ${PROFILE}`),
		).toEqual([]);
		expect(await provider.presentations()).toEqual(before.presented);
		expect(vps.sinkFile()).toEqual(before.file);
		expect(front.refused()).toEqual([]);
		return { running, logins: [[login, "vps current"]], givenIn: "environment of login" };
	} finally {
		await front.close();
	}
});

story("the real claude logs in while a watcher is quicker", NEEDS, async (stage) => {
	const front = await frontOf(stage);
	try {
		const running = [await stage.serve(), await stage.watch()];
		const login = await stage.nextLogin();
		const env = {
			...realClaudeEnvironment(front),
			...importForm(login.refreshToken, login.scopes),
		};
		const options = stage.pc.optionsOf(["login", HOST, "--claude", program], env);
		const { code, stdout } = await runChild({ ...options, limitMs: 60_000 });
		expect([code, stdout]).toEqual([0, `handed over to ${HOST}\n`]);
		await settled(stage);
		expect(front.refused()).toEqual([]);
		return { running, logins: [[login, "vps current"]], givenIn: "environment of login" };
	} finally {
		await front.close();
	}
});

story("the real claude is refused the import, and nothing is changed", NEEDS, async (stage) => {
	const front = await frontOf(stage);
	try {
		const running = [await stage.serve()];
		const login = await stage.nextLogin();
		await stage.provider.revokeLogin(lineageOf(login.refreshToken));
		const env = {
			...realClaudeEnvironment(front),
			...importForm(login.refreshToken, login.scopes),
		};
		const options = stage.pc.optionsOf(["login", HOST, "--claude", program], env);
		const { code, stderr } = await runChild({ ...options, limitMs: 60_000 });
		expect([code, stderr]).toEqual([10, expect.stringContaining("claude ended without a login")]);
		expect(stage.steps()).toEqual([]);
		expect(front.requests()).toEqual([`POST ${TOKEN}`]);
		expect(front.refused()).toEqual([]);
		return { running, logins: [], givenIn: "environment of login" };
	} finally {
		await front.close();
	}
});
