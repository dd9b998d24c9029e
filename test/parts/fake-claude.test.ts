import {
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FakeClaude, makeFakeClaude } from "./fake-claude.ts";
import type { ClaudeAiOauth, OAuthServer } from "./oauth-control.ts";
import { startOAuthServer } from "./oauth-server.ts";
import { makeScratch, removeAllScratch, type Scratch } from "./scratch.ts";
import { lineageOf } from "./token-ledger.ts";

let server: OAuthServer;
let scratch: Scratch;
let claude: FakeClaude;

beforeEach(async () => {
	server = await startOAuthServer({ accessTokenSeconds: 280 });
	scratch = makeScratch();
	claude = makeFakeClaude({ configFolder: scratch.at("cfg"), server, lockWaitMs: 40 });
});

afterEach(() => server.close());
afterAll(removeAllScratch);

const LOCKS = ["cfg/.oauth_refresh.lock", "cfg.lock", "cfg/.storage-write.lock"];
const locksHeld = () => LOCKS.filter((lock) => existsSync(scratch.at(lock)));
const stored = () => claude.read()?.claudeAiOauth as ClaudeAiOauth;

test("a login replaces the file, keeps its siblings and names the account", async () => {
	mkdirSync(scratch.at("elsewhere"));
	const target = scratch.at("elsewhere/file");
	writeFileSync(target, JSON.stringify({ mcpOAuth: { a: 1 } }));
	symlinkSync(target, claude.credentialsPath);
	const login = await claude.login();
	expect(claude.read()).toEqual({ mcpOAuth: { a: 1 }, claudeAiOauth: login });
	expect(lstatSync(claude.credentialsPath).isFile()).toBe(true);
	expect(statSync(claude.credentialsPath).mode & 0o777).toBe(0o600);
	const settings = JSON.parse(readFileSync(scratch.at("cfg/.claude.json"), "utf8"));
	expect(settings.oauthAccount.accountUuid).toBe(login.accountUuid);
	expect(readdirSync(scratch.at("cfg")).sort()).toEqual([".claude.json", ".credentials.json"]);
});

test("a login waits for no lock but the storage lock", async () => {
	mkdirSync(scratch.at("cfg/.oauth_refresh.lock"));
	mkdirSync(scratch.at("cfg.lock"));
	const login = await claude.login();
	expect(stored().refreshToken).toBe(login.refreshToken);
});

test("a second login sets a new end", async () => {
	const first = await claude.login();
	const { uuid, email, organizationUuid } = { uuid: "u", email: "e", organizationUuid: "o" };
	await server.change({ accessTokenSeconds: 600 });
	await new Promise((resolve) => setTimeout(resolve, 2));
	const second = await claude.login({ uuid, email, organizationUuid });
	expect(second.refreshTokenExpiresAt).toBeGreaterThan(first.refreshTokenExpiresAt);
	expect(stored().accountUuid).toBe("u");
});

test("a refresh holds all three locks, rotates and lets go", async () => {
	const login = await claude.login();
	await server.inject("token", { kind: "hold" });
	const refreshing = claude.refresh();
	await server.untilHeld();
	expect(locksHeld()).toEqual(LOCKS);
	expect(existsSync(scratch.at("cfg/.oauth_refresh.lock.owner"))).toBe(true);
	await server.release();
	expect(await refreshing).toBe("refreshed");
	expect(locksHeld()).toEqual([]);
	expect(stored().refreshToken).not.toBe(login.refreshToken);
	expect(stored().refreshTokenExpiresAt).toBeLessThanOrEqual(login.refreshTokenExpiresAt);
	expect(await server.liveAccess(stored().accessToken)).toBeDefined();
});

test("two of them on one folder spend the token once", async () => {
	const { refreshToken } = await claude.login();
	await server.change({ accessTokenSeconds: 600 });
	const other = makeFakeClaude({ configFolder: scratch.at("cfg"), server });
	const outcomes = await Promise.all([claude.refresh(), other.refresh()]);
	expect(outcomes.sort()).toEqual(["fresh", "refreshed"]);
	expect(await server.spentTwice()).toEqual([]);
	expect(await server.rotations(lineageOf(refreshToken))).toBe(1);
});

test("more than five minutes left is left alone, unless forced", async () => {
	await server.change({ accessTokenSeconds: 310 });
	await claude.login();
	expect(await claude.refresh()).toBe("fresh");
	expect(await claude.refresh({ force: true })).toBe("refreshed");
});

test("invalid_grant blanks the store, any other failure leaves it", async () => {
	const login = await claude.login();
	await server.inject("token", { kind: "status", status: 503 });
	expect(await claude.refresh()).toBe("failed");
	await server.inject("token", { kind: "drop-request" });
	expect(await claude.refresh()).toBe("failed");
	expect(stored()).toEqual(login);
	await server.revokeLogin(lineageOf(login.refreshToken));
	expect(await claude.refresh()).toBe("blanked");
	expect(stored()).toMatchObject({ accessToken: "", refreshToken: "", expiresAt: 0 });
	expect(await claude.refresh()).toBe("logged-out");
});

test("an omitted refresh token is kept", async () => {
	const { refreshToken } = await claude.login();
	await server.inject("token", { kind: "omit-refresh-token" });
	expect(await claude.refresh()).toBe("refreshed");
	expect(stored().refreshToken).toBe(refreshToken);
});

test.each(LOCKS)("a living owner of %s is waited for, then it goes on", async (lock) => {
	await claude.login();
	mkdirSync(scratch.at(lock));
	expect(await claude.refresh()).toBe("locked");
	expect(locksHeld()).toEqual([lock]);
	expect(await server.presentations()).toEqual([]);
});

test("a stale lock is broken", async () => {
	await claude.login();
	mkdirSync(scratch.at("cfg.lock"));
	const longAgo = new Date(Date.now() - 61_000);
	utimesSync(scratch.at("cfg.lock"), longAgo, longAgo);
	expect(await claude.refresh()).toBe("refreshed");
});

test("a file replaced during its refresh is adopted", async () => {
	await claude.login();
	await server.inject("token", { kind: "hold", when: "after" });
	const refreshing = claude.refresh();
	await server.untilHeld();
	const other = await server.mintLogin();
	writeFileSync(claude.credentialsPath, JSON.stringify({ claudeAiOauth: other }));
	await server.release();
	expect(await refreshing).toBe("adopted");
	expect(stored()).toEqual(other);
});

test("a logout deletes the file and revokes what it held", async () => {
	const login = await claude.login();
	await claude.logout();
	expect(existsSync(claude.credentialsPath)).toBe(false);
	expect(await server.liveRefresh(login.refreshToken)).toBe(false);
});

test("a logout from a disarmed file revokes nothing", async () => {
	const login = await claude.login();
	const disarmed = { claudeAiOauth: { ...login, refreshToken: "" } };
	writeFileSync(claude.credentialsPath, JSON.stringify(disarmed));
	const sent = vi.spyOn(globalThis, "fetch");
	await claude.logout();
	expect(sent).not.toHaveBeenCalled();
	vi.restoreAllMocks();
	expect(await server.liveRefresh(login.refreshToken)).toBe(true);
});
