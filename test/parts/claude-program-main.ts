/** `claude auth login` as far as its files go: see `claude-program.ts`, which writes its scene. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClaudeRan, Scene } from "./claude-program.ts";
import { makeFakeClaude } from "./fake-claude.ts";
import type { OAuthServer } from "./oauth-control.ts";

const [sceneFile = "", runsFile = "", ...args] = process.argv.slice(2);
const {
	login,
	waits,
	leavesHalf = false,
	code = 0,
} = JSON.parse(readFileSync(sceneFile, "utf8")) as Scene;
const configFolder = process.env.CLAUDE_CONFIG_DIR ?? "";

const ran: ClaudeRan = {
	args,
	env: { ...process.env } as Record<string, string>,
	onTerminal: process.stdin.isTTY === true,
};
appendFileSync(runsFile, `${JSON.stringify(ran)}\n`);

const forever = () => new Promise<never>(() => setInterval(() => undefined, 60_000));

console.log("Opening browser to sign in…");
if (leavesHalf) {
	const half = join(configFolder, ".credentials.json.tmp.0a1b2c");
	writeFileSync(half, JSON.stringify({ claudeAiOauth: login }).slice(0, 60), { mode: 0o600 });
}
if (waits === "before") {
	console.log("Paste code here if prompted >");
	await forever();
}
if (login !== undefined) {
	const mintLogin = async () => login;
	const server = {
		mintLogin,
		tokenUrl: "",
		revokeUrl: "",
		clientId: "",
	} satisfies Partial<OAuthServer>;
	await makeFakeClaude({ configFolder, server }).login();
	console.log("Login successful.");
}
if (waits === "after") await forever();
process.exitCode = code;
