/**
 * The log: one line an event, of fields known to be harmless.
 *
 * Only the names in `FIELDS` pass, each only with its kind of value; whatever still looks like a token
 * is masked. On a terminal lines are for people; under systemd they carry the priority the journal
 * reads and no time of their own; elsewhere they are plain JSON lines.
 */
import { fstatSync } from "node:fs";
import { BatonError } from "@baton/core/error";
import { pino } from "pino";
import { type Clock, systemClock } from "./clock.ts";
import { errnoOf } from "./disk-error.ts";

/** `fingerprint`: SHA-256 in hex, shown shortened. Times are ms since 1970, spans end in `Ms`. */
const FIELDS = {
	// who and what
	host: "string",
	device: "string",
	name: "string",
	fp: "fingerprint",
	previousFp: "fingerprint",
	lineage: "string",
	generation: "number",
	sink: "string",
	engine: "string",
	layout: "string",
	version: "string",
	requestId: "string",
	// what happened
	kind: "string",
	state: "string",
	step: "string",
	verdict: "string",
	answer: "string",
	reason: "string",
	ok: "boolean",
	attempt: "number",
	count: "number",
	// when
	expiresAt: "number",
	deadline: "number",
	dueAt: "number",
	waitMs: "number",
	tookMs: "number",
	ageMs: "number",
	// where
	path: "string",
	unit: "string",
	program: "string",
	pid: "number",
	port: "number",
	bytes: "number",
	// what went wrong
	code: "string",
	error: "string",
	hint: "string",
	errno: "string",
	at: "string",
	status: "number",
	exitCode: "number",
	signal: "string",
} as const;

type Kinds = typeof FIELDS;
type ValueOf = { string: string; fingerprint: string; number: number; boolean: boolean };

export type LogFields = { [Name in keyof Kinds]?: ValueOf[Kinds[Name]] | undefined };

/** `event`: a few lower-case words, always the same for the same event; what varies is a field. */
export interface Log {
	debug(event: string, fields?: LogFields): void;
	info(event: string, fields?: LogFields): void;
	warn(event: string, fields?: LogFields): void;
	error(event: string, fields?: LogFields): void;
	/**
	 * An error, at level `error`: of a `BatonError` code, message, hint and the errno behind it; of
	 * any other only its name, errno and place, as its message may quote anything.
	 */
	failure(event: string, error: unknown, fields?: LogFields): void;
	/** The same log with these fields in every line. */
	with(fields: LogFields): Log;
}

export type LogLevel = keyof typeof PRIORITY;

/** What `systemd` takes a line's `<N>` for, sd-daemon(3). */
const PRIORITY = { debug: 7, info: 6, warn: 4, error: 3 } as const;

/** What is used of a stream, so that a test can hold one. */
export interface LogStream {
	write(line: string): unknown;
	on?(event: "error", listener: () => void): unknown;
	readonly isTTY?: boolean;
	readonly fd?: number;
}

export interface LogOptions {
	/** Where lines go, as in `process.stderr`. */
	stream: LogStream;
	/** `JOURNAL_STREAM`, `NO_COLOR` and `TERM` are looked at. */
	env: Readonly<Record<string, string | undefined>>;
	/** The lowest level written; `info` unless given. */
	level?: LogLevel;
	clock?: Clock;
}

export function createLog({ stream, env, level = "info", clock = systemClock }: LogOptions): Log {
	// A log that nobody reads any more must not end the program.
	stream.on?.("error", () => {});
	const form = formOf(stream, env);
	const time = () => `,"time":"${new Date(clock.now()).toISOString()}"`;
	const logger = pino(
		{
			level,
			base: null,
			timestamp: form === journalForm ? false : time,
			formatters: { level: (label) => ({ level: label }) },
		},
		{ write: (line: string) => void stream.write(form(line)) },
	);
	return logWith(logger, {});
}

function logWith(logger: pino.Logger, common: LogFields): Log {
	const at =
		(level: LogLevel) =>
		(event: string, fields: LogFields = {}) =>
			logger[level](clean({ ...common, ...fields }), cleanText(event));
	const error = at("error");
	return {
		debug: at("debug"),
		info: at("info"),
		warn: at("warn"),
		error,
		failure: (event, fault, fields) => error(event, { ...errorFields(fault), ...fields }),
		with: (fields) => logWith(logger, { ...common, ...fields }),
	};
}

function errorFields(fault: unknown): LogFields {
	if (fault instanceof BatonError) {
		const { code, message, hint, cause } = fault;
		return { code, error: message, hint, errno: errnoOf(cause) };
	}
	if (!(fault instanceof Error)) return { error: typeof fault };
	const frame = fault.stack?.split("\n").find((line) => /^\s+at /.test(line));
	return { error: fault.name, errno: errnoOf(fault), at: frame?.trim().slice("at ".length) };
}

/** What may be written of these fields, whoever passed them. */
function clean(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
	const kept: Record<string, unknown> = {};
	for (const [name, value] of Object.entries(fields)) {
		const kind = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof Kinds] : undefined;
		if (kind === "fingerprint" && typeof value === "string") kept[name] = shortened(value);
		else if (kind !== typeof value) continue;
		else if (typeof value === "string") kept[name] = cleanText(value);
		else if (typeof value === "boolean" || Number.isFinite(value)) kept[name] = value;
	}
	return kept;
}

/** Enough to tell fingerprints apart; what is none is not shown at all. */
function shortened(fingerprint: string): string {
	return /^[0-9a-f]{12,}$/.test(fingerprint) ? fingerprint.slice(0, 12) : "[no fingerprint]";
}

const LONGEST = 300;

function cleanText(text: string): string {
	const masked = text.replace(/sk-ant-[\w-]*/gi, "[secret]").replace(/\p{Cc}+/gu, " ");
	return masked.length > LONGEST ? `${masked.slice(0, LONGEST - 1)}…` : masked;
}

type Form = (line: string) => string;

interface Line extends Record<string, unknown> {
	level: LogLevel;
	time?: string;
	msg: string;
}

const plainForm: Form = (line) => line;

const journalForm: Form = (line) => `<${PRIORITY[(JSON.parse(line) as Line).level]}>${line}`;

function formOf(stream: LogStream, env: LogOptions["env"]): Form {
	if (stream.isTTY === true) {
		const isColoured = !env.NO_COLOR && env.TERM !== "dumb";
		return humanForm(isColoured ? paint : (_style, text) => text);
	}
	return isJournal(stream, env.JOURNAL_STREAM) ? journalForm : plainForm;
}

/** Children inherit the variable, but perhaps another stream: systemd.exec(5) says to compare. */
function isJournal({ fd }: LogStream, journal: string | undefined): boolean {
	if (fd === undefined || !journal) return false;
	try {
		const { dev, ino } = fstatSync(fd, { bigint: true });
		return journal === `${dev}:${ino}`;
	} catch {
		return false;
	}
}

type Style = "dim" | "red" | "yellow";

const STYLES: Record<Style, number> = { dim: 2, red: 31, yellow: 33 };

function paint(style: Style, text: string): string {
	return `\u001b[${STYLES[style]}m${text}\u001b[0m`;
}

function humanForm(put: (style: Style, text: string) => string): Form {
	const marks = {
		debug: "",
		info: "",
		warn: put("yellow", "warning: "),
		error: put("red", "error: "),
	};
	return (text) => {
		const { level, time = "", msg, ...fields } = JSON.parse(text) as Line;
		const pairs = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
		const clockTime = new Date(time).toTimeString().slice(0, 8);
		const tail = pairs.length > 0 ? put("dim", `  ${pairs.join(" ")}`) : "";
		return `${put("dim", clockTime)} ${marks[level]}${msg}${tail}\n`;
	};
}

function shown(value: unknown): string {
	const text = String(value);
	return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
