/**
 * One variable in a file of `NAME=value` lines, as systemd's `EnvironmentFile=`, `docker --env-file`,
 * shells and dotenv libraries read it. Every other line stays what it was, byte for byte.
 *
 * Text here holds one character for each byte, so that a file in any encoding comes back unchanged.
 */

import { BatonError } from "./error.ts";

/** A name every reader of such files takes. */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** What needs no quotes and means itself to every reader; RFC 6750 allows a token no more. */
const PLAIN_VALUE = /^[A-Za-z0-9._~+/=-]+$/;

const BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

/**
 * The file with the variable at this value in each of its lines, so that it does not matter which of
 * several a reader takes; in a line of its own at the end where it had none.
 *
 * @param text undefined where there is no file
 * @throws BatonError `bad-credentials` for a value that would need quotes, or a file in which the
 * variable cannot be set without touching something else
 */
export function setVariable(text: string | undefined, name: string, value: string): string {
	if (!PLAIN_VALUE.test(value)) {
		throw new BatonError("bad-credentials", "the access token holds what would need quotes", {
			hint: "it is not written; use a sink of another type",
		});
	}
	const lines = splitLines(text ?? "");
	const own = ownEntries(lines, name);
	if (own.length === 0) return append(text ?? "", `${name}=${value}`);
	const set = new Map(own.map(({ index, before }) => [index, `${before}${value}`]));
	return lines.map(({ content, end }, index) => (set.get(index) ?? content) + end).join("");
}

/**
 * The file with nothing behind the variable's equals sign, in each of its lines.
 *
 * @throws BatonError `bad-credentials` as `setVariable` does for such a file
 */
export function clearVariable(text: string, name: string): string {
	const lines = splitLines(text);
	const own = new Map(ownEntries(lines, name).map(({ index, before }) => [index, before]));
	return lines.map(({ content, end }, index) => (own.get(index) ?? content) + end).join("");
}

/**
 * What each line of the variable says, without quotes; empty if there is none.
 *
 * @throws BatonError `bad-credentials` as `setVariable` does for such a file
 */
export function readVariable(text: string | undefined, name: string): string[] {
	return ownEntries(splitLines(text ?? ""), name).map(({ value }) => unquote(value));
}

interface Line {
	readonly content: string;
	/** Its line break, or nothing at the end of a file without one. */
	readonly end: string;
}

function splitLines(text: string): Line[] {
	if (text.includes("\0")) throw unfit("it is no text, or not in UTF-8");
	const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
	return lines.map((line) => {
		const end = /\r?\n$/.exec(line)?.[0] ?? "";
		return { content: line.slice(0, line.length - end.length), end };
	});
}

interface Entry {
	readonly index: number;
	/** Up to the equals sign, as the file has it. */
	readonly before: string;
	readonly value: string;
}

/** The lines in which the variable is set; what lies within another one's quotes is none. */
function ownEntries(lines: readonly Line[], name: string): Entry[] {
	const entries: Entry[] = [];
	const pattern = new RegExp(`^((?:${BYTE_ORDER_MARK})?\\s*(?:export\\s+)?${name}\\s*=)(.*)$`, "s");
	for (let index = 0; index < lines.length; ) {
		const last = lastLineOf(lines, index);
		const [, before, value] = pattern.exec(lines[index]?.content ?? "") ?? [];
		if (before !== undefined && value !== undefined) {
			const goesOn = last > index || value.endsWith("\\");
			if (goesOn) throw unfit(`${name} goes over several lines`);
			if (isContinued(lines[index - 1])) throw unfit(`the line before ${name} ends with \\`);
			entries.push({ index, before, value });
		}
		index = last + 1;
	}
	return entries;
}

/** Where an assignment ends that begins here: a quote that never closes is a letter like any other. */
function lastLineOf(lines: readonly Line[], index: number): number {
	const value = /^[^#=]*=[ \t]*(.*)$/s.exec(lines[index]?.content ?? "")?.[1] ?? "";
	const quote = value.charAt(0);
	if (!["'", '"', "`"].includes(quote) || value.indexOf(quote, 1) >= 0) return index;
	const end = lines.findIndex(({ content }, at) => at > index && content.includes(quote));
	return end < 0 ? index : end;
}

function isContinued(line: Line | undefined): boolean {
	return line !== undefined && !/^\s*[#;]/.test(line.content) && line.content.endsWith("\\");
}

function unquote(value: string): string {
	const bare = value.trim();
	const quoted = /^(['"`])(.*)\1$/s.exec(bare);
	return quoted?.[2] ?? bare;
}

function append(text: string, line: string): string {
	const end = /\r?\n/.exec(text)?.[0] ?? "\n";
	const gap = text === "" || text === BYTE_ORDER_MARK || text.endsWith("\n") ? "" : end;
	return `${text}${gap}${line}${end}`;
}

function unfit(why: string): BatonError {
	return new BatonError("bad-credentials", `the file cannot be changed safely: ${why}`, {
		hint: "correct it by hand, or name another file",
	});
}
