/**
 * The lines of an `authorized_keys` whose key runs `batond accept`, read as sshd(8) reads them. A line
 * that is not understood is no device's, and is never touched.
 */

import { createHash } from "node:crypto";
import { isDevice } from "./device-header.ts";

/** A paired device's line. */
export interface DeviceLine {
	readonly device: string;
	/** Counted from 1. */
	readonly line: number;
	/** Bytes of the line with its newline, from the beginning of the file. */
	readonly start: number;
	readonly end: number;
	readonly keyType: string;
	/** `SHA256:…`, as `ssh-keygen -l` prints it. */
	readonly fingerprint: string;
	/** What the key may do beyond running `batond accept`; empty for a line as it should be. */
	readonly loose: readonly Looseness[];
}

export type Looseness =
	/** No `restrict`: it may forward ports and sockets, the one that gives out tokens among them. */
	| "unrestricted"
	/** `restrict`, and after it leave to forward, for a terminal or for `~/.ssh/rc`. */
	| "loosened"
	/** The command has more to it than `batond accept`. */
	| "other-command"
	/** The same key stands in another line too, which lets it in without this command. */
	| "other-line";

interface KeyLine {
	readonly line: number;
	readonly start: number;
	readonly end: number;
	readonly options: readonly (readonly [name: string, value: string | undefined])[];
	readonly keyType: string;
	readonly key: string;
}

export function findDevices(file: Buffer): DeviceLine[] {
	const lines = keyLines(file);
	const named = lines.flatMap((line) => {
		const command = commandOf(line);
		const device = command === undefined ? undefined : deviceOf(command);
		return device === undefined ? [] : [{ line, device, command: command ?? "" }];
	});
	const paired = new Set(named.map(({ line }) => line));
	const elsewhere = new Set(lines.filter((line) => !paired.has(line)).map(({ key }) => key));
	return named.map(({ line, device, command }) => ({
		device,
		line: line.line,
		start: line.start,
		end: line.end,
		keyType: line.keyType,
		fingerprint: fingerprintOf(line.key),
		loose: [
			...looseOptions(line),
			...(isPlain(command) ? [] : (["other-command"] as const)),
			...(elsewhere.has(line.key) ? (["other-line"] as const) : []),
		],
	}));
}

/** The file without these lines; every other byte as it was. */
export function withoutLines(file: Buffer, lines: readonly DeviceLine[]): Buffer {
	const kept: Buffer[] = [];
	let from = 0;
	for (const { start, end } of [...lines].sort((a, b) => a.start - b.start)) {
		kept.push(file.subarray(from, start));
		from = end;
	}
	return Buffer.concat([...kept, file.subarray(from)]);
}

// Lines

const KEY_TYPE = /^(?:sk-)?(?:ssh|ecdsa)-[\w@.-]+$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** One character a byte, so that positions are those of the file. */
function keyLines(file: Buffer): KeyLine[] {
	const found: KeyLine[] = [];
	let start = 0;
	for (let line = 1; start < file.length; line += 1) {
		const newline = file.indexOf(0x0a, start);
		const end = newline < 0 ? file.length : newline + 1;
		const text = file.toString("latin1", start, newline < 0 ? end : newline).trim();
		const parsed = text.startsWith("#") ? undefined : parseLine(text);
		if (parsed !== undefined) found.push({ line, start, end, ...parsed });
		start = end;
	}
	return found;
}

function parseLine(text: string): Pick<KeyLine, "options" | "keyType" | "key"> | undefined {
	const plain = keyOf(text);
	if (plain !== undefined) return { options: [], ...plain };
	const length = optionsLength(text);
	const key = keyOf(text.slice(length).trimStart());
	const options = parseOptions(text.slice(0, length));
	return key === undefined || options === undefined ? undefined : { options, ...key };
}

function keyOf(text: string): Pick<KeyLine, "keyType" | "key"> | undefined {
	const [keyType = "", key = ""] = text.split(/[ \t]+/, 2);
	return KEY_TYPE.test(keyType) && BASE64.test(key) ? { keyType, key } : undefined;
}

/** Up to the first blank outside quotes; within them a quote is written `\"`. */
function optionsLength(text: string): number {
	let quoted = false;
	for (let at = 0; at < text.length; at += 1) {
		const char = text[at];
		if (char === "\\" && text[at + 1] === '"') at += 1;
		else if (char === '"') quoted = !quoted;
		else if (!quoted && (char === " " || char === "\t")) return at;
	}
	return text.length;
}

const OPTION = /([A-Za-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?(?:,|$)/gy;

/** Undefined if any is not understood: sshd takes such a line for no key at all. */
function parseOptions(text: string): KeyLine["options"] | undefined {
	const matches = [...text.matchAll(OPTION)];
	if (matches.map(([whole]) => whole).join("") !== text) return undefined;
	return matches.map(
		([, name = "", value]) => [name.toLowerCase(), value?.replaceAll('\\"', '"')] as const,
	);
}

function commandOf({ options }: KeyLine): string | undefined {
	return options.find(([name]) => name === "command")?.[1];
}

const ALLOWING = ["port-forwarding", "agent-forwarding", "x11-forwarding", "pty", "user-rc"];

/** Of two that contradict each other the later one counts. */
function looseOptions({ options }: KeyLine): Looseness[] {
	const names = options.map(([name]) => name);
	const restrict = names.lastIndexOf("restrict");
	if (restrict < 0) return ["unrestricted"];
	return names.slice(restrict).some((name) => ALLOWING.includes(name)) ? ["loosened"] : [];
}

function fingerprintOf(key: string): string {
	const digest = createHash("sha256").update(Buffer.from(key, "base64")).digest("base64");
	return `SHA256:${digest.replace(/=+$/, "")}`;
}

// Commands

const BATOND = /(?:^|\/)batond(?:\.m?js)?$/;

function deviceOf(command: string): string | undefined {
	const words = shellWords(command);
	const program = words.findIndex((word) => BATOND.test(word));
	const accept = words.indexOf("accept", program + 1);
	if (program < 0 || accept < 0) return undefined;
	const flag = words.findIndex((word) => /^--device(?:=|$)/.test(word));
	if (flag < 0) return undefined;
	const name = words[flag]?.split("=")[1] ?? words[flag + 1] ?? "";
	return isDevice(name) ? name : undefined;
}

/** Nothing but one command and its words. */
function isPlain(command: string): boolean {
	return !/[;&|`<>()\n]/.test(command.replace(/'[^']*'/g, ""));
}

/** As a shell splits a command: blanks and operators part words, quotes and backslashes hold them together. */
function shellWords(command: string): string[] {
	const pieces = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\;&|<>()])+/g;
	return (command.match(pieces) ?? []).map((word) =>
		word.replace(
			/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
			(_all, single, double, escaped) =>
				(single ?? double?.replace(/\\(.)/g, "$1") ?? escaped) as string,
		),
	);
}
