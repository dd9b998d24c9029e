/**
 * What a refresh that the official claude carried out came to, from what it left in its folder.
 *
 * The file is read field by field and leniently: a later claude may write more, or otherwise, and what
 * it holds may be the last copy of a login.
 */

import { claudeRefusal } from "./claude-refusal.ts";
import { SECOND } from "./duration.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import type { RefreshOutcome } from "./oauth.ts";
import { Secret } from "./secret.ts";
import { ASSUMED_LIFETIME, readTokens, type Tokens } from "./tokens.ts";

export interface ClaudeRunLook {
	/** Of the refresh token that was given to it, and of the access token beside it. */
	readonly fp: Fingerprint;
	readonly access: Fingerprint | undefined;
	/** The end of that access token as it was written for claude, so that it refreshes; wall-clock ms. */
	readonly closeEnd: number;
	/** claude was started, or may have been. */
	readonly started: boolean;
	/** Its credentials file first, then what it wrote beside it and did not get to rename. */
	readonly files: readonly (string | undefined)[];
	/** What it logged. */
	readonly log: string | undefined;
}

interface Entry {
	readonly accessToken: string | undefined;
	readonly refreshToken: string | undefined;
	readonly expiresAt: number | undefined;
	readonly deadline: number | undefined;
	readonly scopes: readonly string[] | undefined;
}

/**
 * Only of a run that has ended.
 *
 * @param now wall-clock ms
 * @returns `no-reply` where nobody can say
 */
export function judgeClaudeRun(look: ClaudeRunLook, now: number): RefreshOutcome {
	const entries = look.files.map(entryOf);
	const rotated = entries.filter((entry) => isOther(entry?.refreshToken, look.fp)).sort(byEnd)[0];
	const renewed = entries.filter((entry) => isRenewed(entry, look)).sort(byEnd)[0];
	const brought = rotated ?? renewed;
	if (brought !== undefined) {
		const tokens = tokensOf(brought, look, now);
		return tokens === undefined ? { kind: "no-reply" } : { kind: "rotated", tokens };
	}
	if (!look.started) return { kind: "not-sent" };
	if (isBlanked(entries[0])) return { kind: "dead" };
	const isUntouched = isSame(entries[0]?.refreshToken, look.fp);
	return (isUntouched ? claudeRefusal(look.log) : undefined) ?? { kind: "no-reply" };
}

/** The one that lives longest is the newest. A sort keeps the order of equals: the file comes first. */
function byEnd(a: Entry | undefined, b: Entry | undefined): number {
	return (b?.expiresAt ?? 0) - (a?.expiresAt ?? 0);
}

/** As claude leaves it after `invalid_grant`, and after nothing else: both tokens are there, and empty. */
function isBlanked(entry: Entry | undefined): boolean {
	return entry?.accessToken === "" && entry.refreshToken === "";
}

/** A new access token beside the refresh token that was there: the provider did not replace it. */
function isRenewed(entry: Entry | undefined, { fp, access }: ClaudeRunLook): boolean {
	return (
		access !== undefined && isOther(entry?.accessToken, access) && isSame(entry?.refreshToken, fp)
	);
}

function isOther(token: string | undefined, than: Fingerprint): boolean {
	return token !== undefined && token !== "" && !isSame(token, than);
}

function isSame(token: string | undefined, fp: Fingerprint): boolean {
	return token !== undefined && fingerprint(new Secret(token)) === fp;
}

function tokensOf(entry: Entry, { fp, closeEnd }: ClaudeRunLook, now: number): Tokens | undefined {
	const { accessToken = "", refreshToken = "", expiresAt = 0, deadline, scopes } = entry;
	// One that ends no later than what was written for claude was not told by the provider.
	const livesMs = expiresAt > closeEnd ? Math.max(0, expiresAt - now) : ASSUMED_LIFETIME;
	const tokens = readTokens({
		access_token: accessToken === "" ? MISSING : accessToken,
		refresh_token: isSame(refreshToken, fp) ? undefined : refreshToken,
		expires_in: livesMs / SECOND,
		refresh_token_expires_in: deadline === undefined ? undefined : (deadline - now) / SECOND,
		scope: scopes?.join(" "),
	});
	// A refresh token all by itself is kept, and refreshed before anybody is served.
	if (accessToken === "")
		return tokens && { ...tokens, accessToken: new Secret(""), expiresInMs: 0 };
	return tokens && { ...tokens, ...(livesMs === 0 ? { expiresInMs: 0 } : {}) };
}

const MISSING = "missing";

function entryOf(text: string | undefined): Entry | undefined {
	const entry = fieldOf(parseJson(text), "claudeAiOauth");
	if (typeof entry !== "object" || entry === null) return undefined;
	const scopes = fieldOf(entry, "scopes");
	return {
		accessToken: textOf(fieldOf(entry, "accessToken")),
		refreshToken: textOf(fieldOf(entry, "refreshToken")),
		expiresAt: instantOf(fieldOf(entry, "expiresAt")),
		deadline: instantOf(fieldOf(entry, "refreshTokenExpiresAt")),
		scopes: Array.isArray(scopes) ? scopes.filter((one) => typeof one === "string") : undefined,
	};
}

function fieldOf(value: unknown, name: string): unknown {
	if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
	return (value as Record<string, unknown>)[name];
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" ? value : undefined;
}

function instantOf(value: unknown): number | undefined {
	return typeof value === "number" && value >= 0 && value <= 8.64e15 ? value : undefined;
}

function parseJson(text: string | undefined): unknown {
	try {
		return text === undefined ? undefined : JSON.parse(text);
	} catch {
		return undefined;
	}
}
