// `claude --version` and `claude --debug-file LOG mcp serve` as far as a refresh goes, well and badly: see
// `refreshing-claude.ts`, which writes its scene. Plain JavaScript, as it starts often.
import { spawn } from "node:child_process";
import {
	appendFileSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [sceneFile, runsFile, ...args] = process.argv.slice(2);
const scene = JSON.parse(readFileSync(sceneFile, "utf8"));
const folder = process.env.CLAUDE_CONFIG_DIR ?? "";
const file = join(folder, ".credentials.json");
const lock = join(folder, ".oauth_refresh.lock");
const FIVE_MINUTES = 300_000;

if (args[0] === "--version") {
	console.log(`${scene.version ?? "2.1.330"} (Claude Code)`);
	process.exit();
}
appendFileSync(runsFile, `${JSON.stringify({ pid: process.pid, args, env: process.env })}\n`);
const log = (line) => appendFileSync(args[1], `${new Date().toISOString()} ${line}\n`);

const die = () => process.kill(process.pid, "SIGKILL");
const read = () => JSON.parse(readFileSync(file, "utf8"));

function write(login) {
	const content = JSON.stringify({
		...read(),
		claudeAiOauth: { ...read().claudeAiOauth, ...login },
	});
	const beside = `${file}.tmp.0a1b2c3d`;
	if (scene.dies === "half-written") {
		writeFileSync(beside, content.slice(0, content.length / 2), { mode: 0o600 });
		die();
	}
	writeFileSync(beside, content, { mode: 0o600 });
	if (scene.dies === "before-rename") die();
	renameSync(beside, file);
}

async function ask({ refreshToken, scopes }) {
	const body = {
		grant_type: "refresh_token",
		refresh_token: refreshToken,
		client_id: scene.clientId,
		scope: scopes.join(" "),
	};
	const headers = { "content-type": "application/json", "user-agent": "refreshing-claude" };
	const options = { method: "POST", headers, body: JSON.stringify(body), redirect: "manual" };
	return await fetch(scene.tokenUrl, options);
}

async function refresh() {
	const login = read().claudeAiOauth;
	if (!login?.refreshToken || login.expiresAt - Date.now() > FIVE_MINUTES) return;
	mkdirSync(lock);
	await pause(scene.lagsMs ?? 0);
	if (scene.dies === "before-sending") die();
	try {
		const answer = await ask(login);
		if (scene.dies === "after-sending") die();
		if (answer.status === 200) keep(await answer.json(), login);
		else await heed(answer);
	} catch {
		log("[ERROR] OAuth refresh failed (expected): socket hang up");
	}
	rmSync(lock, { recursive: true });
	if (scene.dies === "after-writing") die();
}

function keep(tokens, login) {
	const now = Date.now();
	write({
		accessToken: tokens.access_token,
		refreshToken: tokens.refresh_token ?? login.refreshToken,
		expiresAt: now + tokens.expires_in * 1000,
		refreshTokenExpiresAt: now + tokens.refresh_token_expires_in * 1000,
	});
}

/** As claude does: of a server's trouble it says nothing. */
async function heed(answer) {
	const { status } = answer;
	if ([400, 401, 403, 429].includes(status)) {
		log(`[ERROR] OAuth refresh failed (expected): Request failed with status code ${status}`);
	}
	const { error } = await answer.json();
	if (error === "invalid_grant") write({ accessToken: "", refreshToken: "", expiresAt: 0 });
}

if (scene.byHelper && process.env.HELPER === undefined) {
	// The one that was started ends, and what it has started refreshes.
	const words = [process.argv[1], sceneFile, runsFile, ...args];
	const env = { ...process.env, HELPER: "1" };
	spawn(process.execPath, words, { env, stdio: "ignore", detached: true }).unref();
	process.exit(1);
}
await refresh();
if (scene.byHelper) process.exit();
process.stdin.resume();
if (scene.stays) setInterval(() => {}, 60_000);
else process.stdin.on("end", () => process.exit());
