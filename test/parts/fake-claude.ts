import { randomBytes } from "node:crypto";
import {
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { removeOwner, writeOwner } from "@baton/io/claude-lock-owner";
import type { Account, ClaudeAiOauth, OAuthServer } from "./oauth-control.ts";

export interface FakeClaudeOptions {
	/** Its `CLAUDE_CONFIG_DIR`. */
	configFolder: string;
	server: Pick<OAuthServer, "mintLogin" | "tokenUrl" | "revokeUrl" | "clientId">;
	/** How long it waits for a lock that somebody holds, ms; 9 s unless given, as claude does. */
	lockWaitMs?: number;
}

/**
 * `refreshed`; `fresh`: more than 5 minutes left, nothing done; `adopted`: another wrote the file
 * meanwhile, its tokens are used; `blanked`: `invalid_grant`, the store was emptied; `failed`: any
 * other answer, the store left alone; `locked`: waited in vain, goes on with what it has; `logged-out`:
 * there is nothing to refresh.
 */
export type RefreshOutcome =
	| "refreshed"
	| "fresh"
	| "adopted"
	| "blanked"
	| "failed"
	| "locked"
	| "logged-out";

/** A credentials file: the login, and siblings that are not this part's business. */
export interface Credentials {
	claudeAiOauth?: Partial<ClaudeAiOauth>;
	[sibling: string]: unknown;
}

/** Treats its folder as Claude Code was seen to: same files, same locks, same order. */
export interface FakeClaude {
	readonly credentialsPath: string;
	/** What the file holds; undefined when there is none. */
	read(): Credentials | undefined;
	/** `/login`: a new login, from another account if named. Takes only the storage lock. */
	login(account?: Account): Promise<ClaudeAiOauth>;
	/** The refresh before a request. `force` refreshes whatever is left, as after a 401. */
	refresh(options?: { force?: boolean }): Promise<RefreshOutcome>;
	/** Deletes the file and revokes the refresh token it held; with none held it revokes nothing. */
	logout(): Promise<void>;
}

const REFRESH_AT_MS = 5 * 60_000;
const STALE_MS = 60_000;
const TOUCH_MS = 5_000;
const POLL_MS = 20;

export function makeFakeClaude(options: FakeClaudeOptions): FakeClaude {
	const { configFolder, server, lockWaitMs = 9_000 } = options;
	mkdirSync(configFolder, { recursive: true, mode: 0o700 });
	const credentialsPath = join(configFolder, ".credentials.json");
	const read = () => readJson(credentialsPath) as Credentials | undefined;
	const store = (login: Partial<ClaudeAiOauth>) => {
		const { claudeAiOauth, ...siblings } = read() ?? {};
		replaceFile(credentialsPath, { ...siblings, claudeAiOauth: { ...claudeAiOauth, ...login } });
	};
	const storageLock = () => takeLock(join(configFolder, ".storage-write.lock"), lockWaitMs);

	return {
		credentialsPath,
		read,
		async login(account) {
			const login = await server.mintLogin(account ? { account } : {});
			const lock = await storageLock();
			try {
				const { claudeAiOauth: _, ...siblings } = read() ?? {};
				replaceFile(credentialsPath, { ...siblings, claudeAiOauth: login });
				nameAccount(configFolder, login, account);
			} finally {
				lock?.release();
			}
			return login;
		},
		async refresh({ force = false } = {}) {
			if (!isDue(read()?.claudeAiOauth, force)) return outcomeWithout(read());
			const held = await takeAll(configFolder, lockWaitMs);
			if (!held) return "locked";
			try {
				// Another process may have refreshed while this one waited.
				const before = read()?.claudeAiOauth;
				if (!before?.refreshToken || !isDue(before, force)) return outcomeWithout(read());
				const answer = await askForTokens(server, before.refreshToken);
				if (read()?.claudeAiOauth?.refreshToken !== before.refreshToken) return "adopted";
				if (answer === "invalid_grant") {
					store({ accessToken: "", refreshToken: "", expiresAt: 0 });
					return "blanked";
				}
				if (answer === undefined) return "failed";
				store(answer);
				return "refreshed";
			} finally {
				for (const lock of held.reverse()) lock.release();
			}
		},
		async logout() {
			const token = read()?.claudeAiOauth?.refreshToken;
			rmSync(credentialsPath, { force: true });
			if (token) await post(server.revokeUrl, { token, client_id: server.clientId });
		},
	};
}

function isDue(login: Partial<ClaudeAiOauth> | undefined, force: boolean): boolean {
	if (!login?.refreshToken) return false;
	// A missing end counts as not reached.
	const left = (login.expiresAt ?? Number.POSITIVE_INFINITY) - Date.now();
	return force || left <= REFRESH_AT_MS;
}

function outcomeWithout(credentials: Credentials | undefined): "fresh" | "logged-out" {
	return credentials?.claudeAiOauth?.refreshToken ? "fresh" : "logged-out";
}

/** The tokens of a good answer, `invalid_grant`, or undefined for every other failure. */
async function askForTokens(
	server: FakeClaudeOptions["server"],
	refreshToken: string,
): Promise<Partial<ClaudeAiOauth> | "invalid_grant" | undefined> {
	const reply = await post(server.tokenUrl, {
		grant_type: "refresh_token",
		refresh_token: refreshToken,
		client_id: server.clientId,
		scope: "user:inference user:profile",
	});
	if (reply?.error === "invalid_grant") return "invalid_grant";
	if (typeof reply?.access_token !== "string") return undefined;
	const now = Date.now();
	return {
		accessToken: reply.access_token,
		refreshToken: typeof reply.refresh_token === "string" ? reply.refresh_token : refreshToken,
		expiresAt: now + Number(reply.expires_in) * 1000,
		...(reply.refresh_token_expires_in === undefined
			? {}
			: { refreshTokenExpiresAt: now + Number(reply.refresh_token_expires_in) * 1000 }),
		scopes: String(reply.scope).split(" "),
	};
}

async function post(
	url: string,
	body: Record<string, string>,
): Promise<Record<string, unknown> | undefined> {
	try {
		const reply = await fetch(url, {
			method: "POST",
			headers: { "content-type": "application/json", "user-agent": "fake-claude" },
			body: JSON.stringify(body),
		});
		return (await reply.json()) as Record<string, unknown>;
	} catch {
		return undefined;
	}
}

interface HeldLock {
	release(): void;
}

/** The three locks in claude's order; none is kept when one cannot be had. */
async function takeAll(configFolder: string, waitMs: number): Promise<HeldLock[] | undefined> {
	const paths = [
		join(configFolder, ".oauth_refresh.lock"),
		`${configFolder}.lock`,
		join(configFolder, ".storage-write.lock"),
	];
	const [refresh = "", legacy = ""] = paths;
	const locks = { folder: configFolder, refresh, legacy };
	const held: HeldLock[] = [];
	for (const path of paths) {
		const lock = await takeLock(path, waitMs);
		if (!lock) {
			for (const one of held.reverse()) one.release();
			return undefined;
		}
		held.push(lock);
		// As claude does: who holds the first two, once it has both.
		if (path !== legacy) continue;
		writeOwner(locks);
		held.push({ release: () => removeOwner(locks) });
	}
	return held;
}

/** Undefined when a living owner kept it all the time. */
async function takeLock(path: string, waitMs: number): Promise<HeldLock | undefined> {
	const deadline = Date.now() + waitMs;
	for (;;) {
		if (makeLock(path)) break;
		if (Date.now() >= deadline) return undefined;
		await pause(POLL_MS);
	}
	const touch = setInterval(() => touchLock(path), TOUCH_MS);
	touch.unref();
	return {
		release() {
			clearInterval(touch);
			rmSync(path, { recursive: true, force: true });
		},
	};
}

/** A lock nobody has touched for 60 s is broken and taken. */
function makeLock(path: string): boolean {
	try {
		mkdirSync(path);
		return true;
	} catch {
		const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
		if (touched !== undefined && Date.now() - touched > STALE_MS) {
			rmSync(path, { recursive: true, force: true });
		}
		return false;
	}
}

function touchLock(path: string): void {
	const now = new Date();
	try {
		utimesSync(path, now, now);
	} catch {
		// Somebody broke it; the work under it goes on, as claude's does.
	}
}

/** `~/.claude.json` of this folder names the account; its other keys stay. */
function nameAccount(configFolder: string, login: ClaudeAiOauth, account?: Account): void {
	const path = join(configFolder, ".claude.json");
	const oauthAccount = {
		accountUuid: login.accountUuid,
		emailAddress: account?.email ?? `${login.accountUuid.slice(0, 8)}@example.invalid`,
		organizationUuid: login.organizationUuid,
	};
	replaceFile(path, { ...(readJson(path) ?? {}), oauthAccount });
}

/** Written beside and renamed, so a link in its place becomes a plain file. */
function replaceFile(path: string, content: unknown): void {
	const beside = `${path}.tmp.${randomBytes(4).toString("hex")}`;
	writeFileSync(beside, JSON.stringify(content), { mode: 0o600 });
	renameSync(beside, path);
}

function readJson(path: string): Record<string, unknown> | undefined {
	try {
		return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
	} catch {
		return undefined;
	}
}
