/** What the VPS heard and said, from the calls of its service: to its devices, and to the provider. */
import { basename } from "node:path";
import { REFRESH_PREFIX } from "../parts/oauth-server.ts";
import { fingerprintOf } from "../parts/token-ledger.ts";
import { dataOf, descriptor, type SystemCall } from "./system-call.ts";

export interface Spoken {
	readonly at: number;
	/**
	 * `to-device` an answer, `from-device` a request, both also of commands on this machine; `spent` a
	 * refresh token sent to the provider; the others an access token to a sink.
	 */
	readonly kind: "to-device" | "from-device" | "spent" | "published" | "given to a command";
	/** The message's type, or what it says became of an import; the sink's file; else empty. */
	readonly what: string;
	/** Of the refresh token it is about; of the access token that is published. */
	readonly fp: string;
}

const READS = new Set(["read", "readv", "recvfrom", "recvmsg"]);
const WRITES = new Set(["write", "writev", "sendto", "sendmsg", "pwrite64"]);
const REFRESH = new RegExp(`${REFRESH_PREFIX}[\\w-]+`, "g");
const ACCESS = /sk-ant-oat01-[\w-]+/g;

export function spokenBy(calls: readonly SystemCall[]): Spoken[] {
	return calls.flatMap((call) => {
		const isRead = READS.has(call.name);
		if (!isRead && !WRITES.has(call.name)) return [];
		const { what = "" } = descriptor(call) ?? {};
		if (what.startsWith("UNIX-STREAM")) return conversation(call, isRead);
		if (isRead) return [];
		const text = dataOf(call).toString("utf8");
		if (what.startsWith("TCP")) return fingerprints(text, REFRESH).map((fp) => spent(call, fp));
		return what.startsWith("/") ? publication(call, what, text) : [];
	});
}

function spent({ from: at }: SystemCall, fp: string): Spoken {
	return { at, kind: "spent", what: "", fp };
}

/** Whatever file an access token is written to in clear is a consumer's. */
function publication({ from: at }: SystemCall, file: string, text: string): Spoken[] {
	const what = basename(file);
	return fingerprints(text, ACCESS).map((fp) => ({ at, kind: "published" as const, what, fp }));
}

/** A request counts once it is heard, an answer as soon as it may have been. */
function conversation(call: SystemCall, isRead: boolean): Spoken[] {
	const lines = dataOf(call).toString("utf8").split("\n");
	return lines.flatMap((line): Spoken[] => {
		const { v, type, became = type, fp = "" } = parsed(line);
		if (v !== 1) return isRead ? [] : given(call, line);
		if (typeof became !== "string") return [];
		const [at, kind] = isRead
			? ([call.until, "from-device"] as const)
			: ([call.from, "to-device"] as const);
		return [{ at, kind, what: became, fp: String(fp) }];
	});
}

/** A command's standard input is a socket too. */
function given({ from: at }: SystemCall, line: string): Spoken[] {
	const kind = "given to a command" as const;
	return fingerprints(line, ACCESS).map((fp) => ({ at, kind, what: "", fp }));
}

interface Message {
	v?: unknown;
	type?: unknown;
	/** In the answer to an import. */
	became?: unknown;
	fp?: unknown;
}

function parsed(line: string): Message {
	try {
		return Object(JSON.parse(line));
	} catch {
		return {};
	}
}

function fingerprints(text: string, pattern: RegExp): string[] {
	return [...text.matchAll(pattern)].map(([token]) => fingerprintOf(token));
}

/** When the PC last said something before each thing that the VPS heard: later than that it was not. */
export function saidAt(calls: readonly SystemCall[]): (heardAt: number) => number {
	const isSaid = (call: SystemCall) =>
		WRITES.has(call.name) && descriptor(call)?.what.startsWith("TCP") === true;
	const times = calls.filter(isSaid).map(({ from }) => from);
	return (heardAt) => times.findLast((time) => time <= heardAt) ?? heardAt;
}
