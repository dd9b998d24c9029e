/** What was done to one machine's disk, in order, from the calls of its programs. */
import { isAbsolute } from "node:path";
import { type Descriptor, dataOf, descriptor, type SystemCall, strings } from "./system-call.ts";

export type Change =
	/** If it is not there yet; `cuts` it to nothing if it is. */
	| {
			readonly kind: "create";
			readonly path: string;
			readonly mode: number;
			readonly cuts: boolean;
	  }
	| { readonly kind: "write"; readonly path: string; readonly at: number; readonly bytes: Buffer }
	| { readonly kind: "cut"; readonly path: string; readonly length: number }
	| { readonly kind: "mode"; readonly path: string; readonly mode: number }
	| { readonly kind: "rename" | "link"; readonly path: string; readonly to: string }
	| { readonly kind: "remove"; readonly path: string }
	| { readonly kind: "folder"; readonly path: string; readonly mode: number }
	/** Of a file: its data; of a folder: the names in it. Only what was over before this began. */
	| { readonly kind: "sync"; readonly path: string }
	/** Somebody else's whole write, durable at once: it is not what is examined. */
	| { readonly kind: "given"; readonly path: string; readonly bytes: Buffer };

export type DiskEvent = Change & {
	/** µs since 1970. */
	readonly from: number;
	readonly until: number;
};

/** Calls that would pass by this model; a program that makes one is not examined but refused. */
const UNMODELLED = new Set([
	...["pwritev", "pwritev2", "copy_file_range", "sendfile", "fallocate", "symlink", "symlinkat"],
	...["sync", "syncfs", "sync_file_range", "msync"],
]);

/** libuv changes files only through a ring that the kernel polls; its other one waits for sockets (1.51, 1.52). */
function passesBy({ name, text }: SystemCall): boolean {
	if (name === "io_uring_setup") return text.includes("IORING_SETUP_SQPOLL");
	return UNMODELLED.has(name);
}

/** @param root the machine's folder: the rest of the disk is not its */
export function diskEvents(calls: readonly SystemCall[], root: string): DiskEvent[] {
	const offsets = new Offsets();
	return calls.flatMap((call) => {
		const change = changeOf(call, offsets);
		if (change === undefined || !isBelow(root, change)) return [];
		return { ...change, from: call.from, until: call.until };
	});
}

function isBelow(root: string, change: Change): boolean {
	const { path } = change;
	return (path === root || path.startsWith(`${root}/`)) && !isPassing(path);
}

/** Where each open file is to be written next. */
class Offsets {
	readonly #at = new Map<string, number>();

	opened({ program, result }: SystemCall): void {
		this.#at.set(`${program}:${result}`, 0);
	}

	advance({ program }: SystemCall, { number }: Descriptor, by: number): number {
		const key = `${program}:${number}`;
		const at = this.#at.get(key) ?? 0;
		this.#at.set(key, at + by);
		return at;
	}
}

function changeOf(call: SystemCall, offsets: Offsets): Change | undefined {
	if (passesBy(call)) throw new Error(`${call.name} is not modelled`);
	switch (call.name) {
		case "open":
		case "openat":
		case "creat":
			return opening(call, offsets);
		case "write":
		case "writev":
		case "pwrite64":
			return writing(call, offsets);
		case "fsync":
		case "fdatasync":
			return onFile(call, (path) => ({ kind: "sync", path }));
		case "ftruncate":
			return onFile(call, (path) => ({ kind: "cut", path, length: lastNumber(call) }));
		case "fchmod":
			return onFile(call, (path) => ({ kind: "mode", path, mode: lastOctal(call) }));
		default:
			return byName(call);
	}
}

function byName(call: SystemCall): Change | undefined {
	const [path, to] = pathsOf(call);
	if (path === undefined) return undefined;
	switch (call.name) {
		case "rename":
		case "renameat":
		case "renameat2":
			return to === undefined ? undefined : { kind: "rename", path, to };
		case "link":
		case "linkat":
			return to === undefined ? undefined : { kind: "link", path, to };
		case "unlink":
		case "unlinkat":
		case "rmdir":
			return { kind: "remove", path };
		case "mkdir":
		case "mkdirat":
			return { kind: "folder", path, mode: lastOctal(call) };
		case "truncate":
			return { kind: "cut", path, length: lastNumber(call) };
		case "chmod":
		case "fchmodat":
			return { kind: "mode", path, mode: lastOctal(call) };
		default:
			return undefined;
	}
}

function pathsOf(call: SystemCall): string[] {
	return strings(call)
		.map((bytes) => bytes.toString("utf8"))
		.filter(isAbsolute);
}

function opening(call: SystemCall, offsets: Offsets): Change | undefined {
	offsets.opened(call);
	const [path] = pathsOf(call);
	if (path === undefined || !/O_CREAT|O_TRUNC/.test(call.text)) return undefined;
	return { kind: "create", path, mode: lastOctal(call), cuts: /O_TRUNC/.test(call.text) };
}

function writing(call: SystemCall, offsets: Offsets): Change | undefined {
	const into = descriptor(call);
	if (into === undefined || !isAbsolute(into.what) || into.what.startsWith("/dev/"))
		return undefined;
	const bytes = dataOf(call);
	const at = call.name === "pwrite64" ? lastNumber(call) : offsets.advance(call, into, call.result);
	return { kind: "write", path: into.what, at, bytes };
}

function onFile(call: SystemCall, change: (path: string) => Change): Change | undefined {
	const on = descriptor(call);
	return on === undefined || !isAbsolute(on.what) ? undefined : change(on.what);
}

function lastNumber({ text }: SystemCall): number {
	return Number(/(\d+)$/.exec(text)?.[1]);
}

function lastOctal({ text }: SystemCall): number {
	return Number.parseInt(/(0[0-7]*)$/.exec(text)?.[1] ?? "0", 8);
}

/** What is gone with a power cut in any case, or is looked at by nobody afterwards. */
export function isPassing(path: string): boolean {
	return /\.lock(\.owner)?(\/|$)/.test(path) || path.endsWith(".sock");
}

const TEMPORARY = /\/\.([^/]+)\.[0-9a-f]{16}\.tmp$/;

/** A file on its way to its name: `.NAME.<hex>.tmp`. */
export function isTemporary(path: string): boolean {
	return TEMPORARY.test(path);
}

/** The name it is on its way to; its own if it is on none. */
export function targetOf(path: string): string {
	return path.replace(TEMPORARY, "/$1");
}
