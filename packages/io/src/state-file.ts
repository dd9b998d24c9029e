/**
 * A versioned JSON state, in a file or in any other place that holds bytes.
 *
 * The envelope is `{format, version, sha256, data}`; the checksum is over the data's JSON text, so a
 * file that was cut short, mixed up or edited by hand is noticed, and then nothing is touched.
 */
import { createHash } from "node:crypto";
import { BatonError } from "@baton/core/error";
import { Secret } from "@baton/core/secret";
import { type WriteOptions, writeAtomic } from "./atomic-file.ts";
import { readSmall } from "./read-small.ts";

export interface StateFormat<T> {
	/** Names the kind of state, as in `baton-pc`. */
	format: string;
	/** The version written; a higher one found is refused. */
	version: number;
	/** What is stored for a value: plain JSON. The value itself unless given. */
	print?: (value: T) => unknown;
	/** Checks what was stored; throws if it is no such state. */
	parse: (data: unknown) => T;
	/** By older version: makes that version's data the next one's. */
	migrate?: Readonly<Record<number, (data: unknown) => unknown>>;
	/** Limit of the whole, bytes; 1 MiB unless given. */
	maxBytes?: number;
}

const DEFAULT_MAX_BYTES = 1024 * 1024;

/**
 * Undefined if the file is missing.
 *
 * @throws BatonError `bad-state` as `decodeState` does; `unsafe-path`, `disk-failed` as `readSmall` does
 */
export async function readState<T>(path: string, format: StateFormat<T>): Promise<T | undefined> {
	const bytes = await readSmall(path, { maxBytes: format.maxBytes ?? DEFAULT_MAX_BYTES });
	return bytes === undefined ? undefined : decodeState(bytes, format, path);
}

/**
 * Replaces the file, whole and durably.
 *
 * @throws BatonError as `encodeState` and `writeAtomic` do; the file is then what it was
 */
export async function writeState<T>(
	path: string,
	format: StateFormat<T>,
	value: T,
	options?: WriteOptions,
): Promise<void> {
	await writeAtomic(path, encodeState(value, format), options);
}

/** @throws BatonError `internal` for a value that could not be read back */
export function encodeState<T>(value: T, format: StateFormat<T>): Buffer {
	const { format: name, version, print = (plain: T): unknown => plain } = format;
	const data = JSON.stringify(print(value), refuseSecret);
	const head = JSON.stringify({ format: name, version, sha256: checksum(data) });
	const bytes = Buffer.from(`${head.slice(0, -1)},"data":${data}}\n`);
	if (bytes.length > (format.maxBytes ?? DEFAULT_MAX_BYTES)) {
		throw new BatonError("internal", `the ${name} state outgrew its limit: ${bytes.length} bytes`);
	}
	return bytes;
}

/**
 * @param name what to call it in an error: its path
 * @throws BatonError `bad-state`, without any of the content
 */
export function decodeState<T>(bytes: Uint8Array, format: StateFormat<T>, name: string): T {
	const envelope = parseJson(bytes);
	if (!isEnvelope(envelope)) throw bad(name, "is cut short or no state file", DAMAGED);
	if (envelope.format !== format.format) {
		throw bad(name, `is not a ${format.format} state`, "move it away if it does not belong there");
	}
	if (envelope.version > format.version) {
		throw bad(name, "was written by a newer version", "install that version or a later one");
	}
	if (envelope.sha256 !== checksum(JSON.stringify(envelope.data))) {
		throw bad(name, "does not match its checksum", DAMAGED);
	}
	try {
		return format.parse(migrated(envelope, format));
	} catch {
		// Without the cause: a parser's error may quote what it read.
		throw bad(name, "does not hold what it should", DAMAGED);
	}
}

const DAMAGED = "nothing was touched; restore it from a backup, or move it away to start anew";

function bad(name: string, fault: string, hint: string): BatonError {
	return new BatonError("bad-state", `${name} ${fault}`, { hint });
}

interface Envelope {
	format: string;
	version: number;
	sha256: string;
	data: unknown;
}

function isEnvelope(value: unknown): value is Envelope {
	if (typeof value !== "object" || value === null) return false;
	const { format, version, sha256 } = value as Partial<Record<keyof Envelope, unknown>>;
	if (typeof format !== "string" || typeof sha256 !== "string" || !("data" in value)) return false;
	return typeof version === "number" && Number.isSafeInteger(version) && version >= 0;
}

function migrated<T>(envelope: Envelope, { version, migrate = {} }: StateFormat<T>): unknown {
	let { data } = envelope;
	for (let from = envelope.version; from < version; from++) {
		const step = migrate[from];
		if (step === undefined) throw new Error(`no way from version ${from}`);
		data = step(data);
	}
	return data;
}

function parseJson(bytes: Uint8Array): unknown {
	try {
		return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	} catch {
		return undefined;
	}
}

function checksum(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

/** A `Secret` prints as `[secret]`: stored that way, the token would be lost without a word. */
function refuseSecret(this: Record<string, unknown>, key: string, value: unknown): unknown {
	if (this[key] instanceof Secret) {
		throw new BatonError("internal", `a state may not hold a Secret, as in ${key}: print it first`);
	}
	return value;
}
