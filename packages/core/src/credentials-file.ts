/**
 * Claude Code's credentials file as text in, text out: `{"claudeAiOauth": …, "mcpOAuth": …, …}`.
 *
 * Keys beside `claudeAiOauth` belong to others and are kept in every rewrite.
 */

import { BatonError } from "./error.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import { type ArmedSession, formatEntry, isArmed, parseEntry, type Session } from "./session.ts";

/** More than this is no credentials file. Bytes. */
export const CREDENTIALS_MAX_BYTES = 1024 * 1024;

/** What a look at a store showed. */
export type Reading =
	/** A login that can be refreshed. */
	| { readonly kind: "login"; readonly session: ArmedSession; readonly fp: Fingerprint }
	/** No file, no entry, or one whose refresh token is gone or whose `expiresAt` is 0. */
	| { readonly kind: "blank"; readonly session: Session | undefined }
	/** Half-written, too long, not ours to read: says nothing about the login, and is not acted upon. */
	| { readonly kind: "unreadable"; readonly why: string };

const ENTRY = "claudeAiOauth";

/** @param text the file's content, or undefined where there is no file */
export function readCredentials(text: string | undefined): Reading {
	if (text === undefined) return { kind: "blank", session: undefined };
	let entry: unknown;
	try {
		entry = parseFile(text)[ENTRY];
		if (entry === undefined || entry === null) return { kind: "blank", session: undefined };
		const session = parseEntry(entry);
		return isArmed(session)
			? { kind: "login", session, fp: fingerprint(session.refreshToken) }
			: { kind: "blank", session };
	} catch (error) {
		return {
			kind: "unreadable",
			why: error instanceof BatonError ? error.message : "not readable",
		};
	}
}

/** The file with this session in it, everything else kept. */
export function writeSession(text: string | undefined, session: Session): string {
	return format({ ...parseOrEmpty(text), [ENTRY]: formatEntry(session) });
}

/**
 * The file with the refresh token blanked and the access token left to live out its hours: a running
 * claude goes on until then and cannot spend what it no longer has.
 */
export function disarmEntry(text: string): string {
	const file = parseFile(text);
	const entry = file[ENTRY];
	if (typeof entry !== "object" || entry === null) return text;
	return format({ ...file, [ENTRY]: { ...entry, refreshToken: "" } });
}

/** The file without the entry, or undefined where nothing else is left and the file can go. */
export function removeEntry(text: string): string | undefined {
	const { [ENTRY]: _removed, ...others } = parseFile(text);
	return Object.keys(others).length === 0 ? undefined : format(others);
}

function parseOrEmpty(text: string | undefined): Record<string, unknown> {
	return text === undefined ? {} : parseFile(text);
}

function parseFile(text: string): Record<string, unknown> {
	const bom = text.charCodeAt(0) === 0xfeff ? 1 : 0;
	let file: unknown;
	try {
		file = JSON.parse(text.slice(bom));
	} catch {
		// The parser's own message quotes the text, which holds tokens.
		throw new BatonError("bad-credentials", "not valid JSON, perhaps half-written");
	}
	if (typeof file !== "object" || file === null || Array.isArray(file)) {
		throw new BatonError("bad-credentials", "not a JSON object");
	}
	return file as Record<string, unknown>;
}

/** Compact, as claude 2.1 writes it. */
function format(file: Record<string, unknown>): string {
	return JSON.stringify(file);
}
