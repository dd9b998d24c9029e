import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { isRunning } from "./is-running.ts";

export interface CanarySearch {
	/** Tokens to look for: whole, their last third, and as base64. */
	tokens?: readonly string[];
	/** Whatever matches is a token, or enough of one to be told apart. */
	pattern?: RegExp;
	/** Texts a test holds: logs, status output, by name. */
	texts?: Readonly<Record<string, string>>;
	/** Files, and folders with all that is in them. */
	paths?: readonly string[];
	/** Files and folders where a token belongs. */
	allowed?: readonly string[];
	/** Processes whose command line and environment are searched. */
	pids?: readonly number[];
}

export interface Leak {
	/** The text's name, the file's path, or `/proc/PID/environ`. */
	where: string;
	/** First 16 hex digits of SHA-256 of what was found: names the token and does not show it. */
	fp: string;
}

/** Every token these tests mint, and a cut-off one too. */
export const CANARY_PATTERN = /sk-ant-o[ar]t01-CANARY[\w-]*/;

/**
 * Looks for tokens where they should not be. Throws when something named here cannot be read: what
 * was not searched is not clean. Files that vanish from a folder meanwhile are passed over.
 */
export function findLeaks(search: CanarySearch): Leak[] {
	const find = finderOf(search);
	const leaks: Leak[] = [];
	const look = (where: string, text: string) => {
		for (const fp of find(text)) leaks.push({ where, fp });
	};
	for (const [name, text] of Object.entries(search.texts ?? {})) look(name, text);
	const allowed = (search.allowed ?? []).map((path) => resolve(path));
	for (const path of search.paths ?? []) lookInto(resolve(path), allowed, look, true);
	for (const pid of search.pids ?? []) {
		if (!isRunning(pid)) throw new Error(`process ${pid} has ended: it cannot be searched`);
		for (const file of ["cmdline", "environ"]) {
			const where = `/proc/${pid}/${file}`;
			look(where, readFileSync(where, "latin1"));
		}
	}
	return leaks;
}

type Look = (where: string, text: string) => void;

/** A name is searched like a content. Links are not followed, their targets are searched as text. */
function lookInto(path: string, allowed: string[], look: Look, named: boolean): void {
	if (allowed.some((place) => path === place || path.startsWith(place + sep))) return;
	try {
		const stat = lstatSync(path);
		look(path, path);
		if (stat.isSymbolicLink()) look(path, readlinkSync(path));
		else if (stat.isFile()) look(path, readFileSync(path, "latin1"));
		else if (stat.isDirectory()) {
			for (const name of readdirSync(path)) lookInto(join(path, name), allowed, look, false);
		}
	} catch (error) {
		if (named || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	}
}

/** Answers the fingerprint of each different token in a text. */
function finderOf({ tokens = [], pattern }: CanarySearch): (text: string) => string[] {
	const all = pattern && new RegExp(pattern.source, `${pattern.flags.replace(/[gy]/g, "")}g`);
	const traces = tokens.map((token) => ({ fp: shortFingerprint(token), forms: formsOf(token) }));
	return (text) => {
		const found = new Set((all && text.match(all))?.map(shortFingerprint));
		for (const { fp, forms } of traces) {
			if (forms.some((form) => text.includes(form))) found.add(fp);
		}
		return [...found];
	};
}

/**
 * The last third is long enough to be no chance and finds a token cut at its front. Base64 depends
 * on where in a group of three bytes the token starts, so there are three forms of it.
 */
function formsOf(token: string): string[] {
	if (token.length < 24) throw new Error("a token this short would be found by chance");
	const encoded = [0, 1, 2].map((shift) => {
		const text = Buffer.from(" ".repeat(shift) + token).toString("base64");
		return text.slice(shift === 0 ? 0 : 4, -4);
	});
	return [token, token.slice(-Math.floor(token.length / 3)), ...encoded];
}

function shortFingerprint(text: string): string {
	return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
