/** System calls as strace wrote them down: `-ff -ttt -T -yy -xx`. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface SystemCall {
	readonly name: string;
	/** When it began and when it was over, whole µs since 1970. */
	readonly from: number;
	readonly until: number;
	/** The arguments, as they were written down. */
	readonly text: string;
	readonly result: number;
	/** Whose descriptors it speaks of. */
	readonly program: string;
}

const LINE = /^(\d+)\.(\d{6}) (\w+)\((.*)\) += (-?\d+)[^\n]*?(?: <(\d+)\.(\d{6})>)?$/;

/** Undefined for what is no whole call, such as one that its program did not outlive. */
export function parseCall(line: string, program: string): SystemCall | undefined {
	const match = LINE.exec(line);
	if (match === null) return undefined;
	const [, seconds, micros, name = "", text = "", result, took = "0", tookMicros = "0"] = match;
	const from = Number(seconds) * 1_000_000 + Number(micros);
	const until = from + Number(took) * 1_000_000 + Number(tookMicros);
	return { name, from, until, text, result: Number(result), program };
}

/** All calls that succeeded, of every program traced to this prefix, in the order they began. */
export function readCalls(prefix: string): SystemCall[] {
	const files = readdirSync(dirname(prefix)).filter((name) => {
		return name.startsWith(`${basename(prefix)}.`);
	});
	const calls = files.flatMap((name) => {
		const program = name.split(".").at(-2) ?? "";
		const lines = readFileSync(join(dirname(prefix), name), "latin1").split("\n");
		return lines.flatMap((line) => parseCall(line, program) ?? []);
	});
	return calls.filter(({ result }) => result >= 0).sort((a, b) => a.from - b.from);
}

/** The quoted strings of a call, in order: paths, or the data of a read or a write. */
export function strings({ text }: SystemCall): Buffer[] {
	const quoted = text.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g);
	return [...quoted].map(([, hex = "", cut]) => {
		if (cut !== undefined) throw new Error("strace cut a string short");
		return Buffer.from(hex.replaceAll("\\x", ""), "hex");
	});
}

export interface Descriptor {
	readonly number: number;
	/** A path, or what kind of socket. */
	readonly what: string;
}

/** The descriptor a call works on: its first argument. */
export function descriptor({ text }: SystemCall): Descriptor | undefined {
	const match = /^(\d+)<(.*?)>(?:\(deleted\))?(?=, |$)/.exec(text);
	if (match === null) return undefined;
	const [, number, what = ""] = match;
	return { number: Number(number), what: plain(what) };
}

function plain(text: string): string {
	const bytes = text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
		String.fromCharCode(Number.parseInt(hex, 16)),
	);
	return Buffer.from(bytes, "latin1").toString("utf8");
}

/** The data of a vector or a message leave out the addresses, which stand elsewhere. */
export function dataOf(call: SystemCall): Buffer {
	const start = descriptorEnd(call.text);
	const rest = { ...call, text: call.text.slice(start) };
	const data = Buffer.concat(strings(rest));
	return data.subarray(0, call.result);
}

function descriptorEnd(text: string): number {
	return /^\d+<.*?>(?:\(deleted\))?(?=, |$)/.exec(text)?.[0].length ?? 0;
}
