/**
 * The logins of the stories. Refresh tokens are `A0`, `A1`, … for login A as it was made and after each
 * rotation, the access tokens beside them `a0`, `a1`, …; B is another login of the same account.
 */

import { DAY, HOUR } from "@baton/core/duration";
import type { Note } from "@baton/core/effect";
import { type Fingerprint, fingerprint, lineageIdOf } from "@baton/core/lineage";
import { Secret } from "@baton/core/secret";
import { type ArmedSession, type Session, setupTokenSession } from "@baton/core/session";
import type { Tokens } from "@baton/core/tokens";

/** Every token of every story bears this, so that one that leaked is found. */
export const CANARY = "CANARY";
/** The beginning of every story, wall-clock ms. */
export const BEGINNING = Date.UTC(2026, 10, 21);

const LETTERS = ["A", "B", "C", "D", "S"];
const ROTATIONS = 100;

function tokenText(name: string): string {
	const kind = name === name.toUpperCase() ? "ort01" : "oat01";
	return `sk-ant-${kind}-${CANARY}-${name}`;
}

export function token(name: string): Secret {
	return new Secret(tokenText(name));
}

export function fpOf(name: string): Fingerprint {
	return fingerprint(token(name));
}

const names = new Map(
	LETTERS.flatMap((letter) =>
		Array.from({ length: ROTATIONS }, (_, index) => `${letter}${index}`).flatMap((name) =>
			[name, name.toLowerCase()].map((each): [Fingerprint, string] => [fpOf(each), each]),
		),
	),
);

/** The name of the token with this fingerprint. */
export function nameOf(fp: Fingerprint): string {
	return names.get(fp) ?? fp.slice(0, 6);
}

/** Login A is named after A0, its first refresh token. */
export function lineageOf(letter: string): string {
	return lineageIdOf(fpOf(letter === "S" ? "s0" : `${letter}0`));
}

export function letterOf(lineageId: string): string {
	return LETTERS.find((letter) => lineageOf(letter) === lineageId) ?? lineageId;
}

export interface Told {
	readonly account?: string | undefined;
	/** Ms since the beginning; undefined for a file that does not say. */
	readonly expiresAt?: number | undefined;
	readonly deadline?: number | undefined;
}

/** A ends after 30 days, B, made a day later, after 31, and so on. */
export function usualTold(name: string): Required<Told> {
	const age = LETTERS.indexOf(name[0]?.toUpperCase() ?? "");
	return { account: "me", expiresAt: 8 * HOUR, deadline: (30 + age) * DAY };
}

/** Armed, unless `told` blanks it. */
export function sessionOf(name: string, told: Told): ArmedSession {
	const session: Session = {
		kind: "login",
		accessToken: token(name.toLowerCase()),
		refreshToken: token(name),
		expiresAt: told.expiresAt === undefined ? undefined : BEGINNING + told.expiresAt,
		deadline: told.deadline === undefined ? undefined : BEGINNING + told.deadline,
		scopes: ["user:inference", "user:profile"],
		account: told.account,
		rest: { subscriptionType: "max" },
	};
	return session as ArmedSession;
}

export function setupToken(name: string, expiresAt: number): Session {
	return setupTokenSession(token(name), BEGINNING + expiresAt);
}

/** What the provider gives for a refresh; `a1` alone for an answer without a new refresh token. */
export function tokensOf(name: string, expiresInMs: number): Tokens {
	return {
		accessToken: token(name.toLowerCase()),
		refreshToken: name === name.toLowerCase() ? undefined : token(name),
		expiresInMs,
		deadlineInMs: undefined,
		scopes: undefined,
	};
}

export function noteLine(note: Note): string {
	const { level, what, fp, reason, host } = note;
	const about = [
		fp === undefined ? undefined : nameOf(fp),
		host === undefined ? undefined : `host ${host}`,
		reason,
	];
	const shown = about.filter((word) => word !== undefined);
	const sign = level === "warn" ? "warn" : "note";
	return [`${sign} ${what}`, ...shown].join(", ");
}
