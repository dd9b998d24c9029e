/**
 * Claude Code's credentials file as text in, text out: `{"claudeAiOauth": …, "mcpOAuth": …, …}`.
 *
 * Keys beside `claudeAiOauth` belong to others and are kept in every rewrite.
 */

import { utf8ToBytes } from "@noble/hashes/utils.js";
import { BatonError } from "./error.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import {
	type ArmedSession,
	formatEntry,
	isArmed,
	oddToken,
	parseEntry,
	type Session,
} from "./session.ts";

/** More than this is no credentials file. Bytes. */
export const CREDENTIALS_MAX_BYTES = 1024 * 1024;
/** A login has to fit into one line of the protocol, with what goes beside it. Bytes, as JSON. */
const ENTRY_MAX_BYTES = 48 * 1024;
/** Far beyond any of claude's files, and far from what would exhaust the stack when it is written. */
const MAX_DEPTH = 100;

/** What a look at a store showed. */
export type Reading =
	/** A login that can be refreshed. */
	| { readonly kind: "login"; readonly session: ArmedSession; readonly fp: Fingerprint }
	/** No file, no entry, or one whose refresh token is gone or whose `expiresAt` is 0. */
	| { readonly kind: "blank"; readonly session: Session | undefined }
	/** Half-written, too long, not ours to read: says nothing about the login, and is not acted upon. */
	| { readonly kind: "unreadable"; readonly why: string; readonly hint?: string };

const ENTRY = "claudeAiOauth";

/** @param text the file's content, or undefined where there is no file */
export function readCredentials(text: string | undefined): Reading {
	if (text === undefined) return { kind: "blank", session: undefined };
	let entry: unknown;
	try {
		entry = parseFile(text)[ENTRY];
		if (entry === undefined || entry === null) return { kind: "blank", session: undefined };
		const session = parseEntry(entry);
		assertFit(entry, session);
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

/** Before it is taken: a login that no line or header can carry would be stuck in transit. */
function assertFit(entry: unknown, session: Session): void {
	const odd = oddToken(session);
	if (odd !== undefined) {
		throw new BatonError("bad-credentials", `not a login that claude wrote: ${odd} is wrong`);
	}
	if (bytesOf(entry) <= ENTRY_MAX_BYTES) return;
	throw new BatonError("bad-credentials", "its login is larger than one can be handed over");
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
	if (text.trim() === "") throw new BatonError("bad-credentials", "empty, perhaps half-written");
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
	if (isTooDeep(file)) throw new BatonError("bad-credentials", "nested too deep for such a file");
	return file as Record<string, unknown>;
}

/** Level by level, as a call for each level could itself go too deep. */
function isTooDeep(file: unknown): boolean {
	let level: unknown[] = [file];
	for (let depth = 0; level.length > 0; depth += 1) {
		if (depth > MAX_DEPTH) return true;
		level = level.flatMap((one) =>
			typeof one === "object" && one !== null ? Object.values(one) : [],
		);
	}
	return false;
}

function bytesOf(entry: unknown): number {
	return utf8ToBytes(JSON.stringify(entry)).length;
}

/** Compact, as claude 2.1 writes it. */
function format(file: Record<string, unknown>): string {
	return JSON.stringify(file);
}
