/**
 * What PC and VPS say to each other: one JSON object a line, at most 64 KiB, `"v":1`.
 *
 * Every request has an id and, but for `status`, names a fingerprint; its answer repeats both. Unknown
 * fields are ignored, unknown types refused. `test/vectors/` holds good and bad examples.
 */

import { utf8ToBytes } from "@noble/hashes/utils.js";
import * as z from "zod/mini";
import { DEFAULT_NAME } from "./custody-name.ts";
import { BatonError } from "./error.ts";

export const PROTOCOL_VERSION = 1;
/** A line with its newline, bytes. */
export const LINE_MAX_BYTES = 64 * 1024;

const fp = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const lineageId = z.string().check(z.regex(/^[0-9a-f]{16}$/));
const id = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));
const nonce = z.string().check(z.regex(/^[0-9a-f]{32}$/));
const name = z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,31}$/));
const instant = z.number().check(z.nonnegative(), z.maximum(8.64e15));
const generation = z.int().check(z.nonnegative());
const shortText = z.string().check(z.maxLength(200));

const witness = z.object({ lineageId, generation, proof: fp });

/** What every contact carries beside its own matter. */
const contact = {
	v: z.literal(PROTOCOL_VERSION),
	id,
	name: z._default(name, DEFAULT_NAME),
	/** The fingerprints the PC's stores hold now: a copy that came back is named in the answer. */
	holds: z._default(z.array(fp).check(z.maxLength(64)), []),
	/** The highest generation the PC was told, with the proof it was told with. */
	witness: z._default(z.array(witness).check(z.maxLength(32)), []),
};

/** What the PC's clock shows as it asks: the login's times are by that one. Wall-clock ms. */
const pcNow = z.optional(instant);

const requestSchema = z.discriminatedUnion("type", [
	z.object({
		...contact,
		type: z.literal("offer"),
		fp,
		lineageId,
		kind: z._default(z.enum(["login", "setup-token"]), "login"),
		account: z.optional(shortText),
		expiresAt: z.optional(instant),
		deadline: z.optional(instant),
		now: pcNow,
		/** A person asked to replace a healthy login. */
		replace: z._default(z.boolean(), false),
	}),
	z.object({
		...contact,
		type: z.literal("deliver"),
		fp,
		nonce,
		now: pcNow,
		session: z.record(z.string(), z.unknown()),
	}),
	z.object({ ...contact, type: z.literal("custody"), fp }),
	z.object({ ...contact, type: z.literal("withdraw"), fp }),
	/** The PC has erased its escrow of this login. */
	z.object({ ...contact, type: z.literal("erased"), fp }),
	z.object({ ...contact, type: z.literal("status") }),
]);

export type Request = z.output<typeof requestSchema>;
export type OfferRequest = Extract<Request, { type: "offer" }>;
export type DeliverRequest = Extract<Request, { type: "deliver" }>;
export type RequestType = Request["type"];
export type Witness = z.output<typeof witness>;

export const declineReason = z.enum([
	"healthy",
	"retired",
	"other-account",
	"busy",
	"expired",
	"blank",
]);
export type DeclineReason = z.output<typeof declineReason>;

export const notTakenReason = z.enum(["other-account", "dead", "expired", "replaced"]);
export type NotTakenReason = z.output<typeof notTakenReason>;

export const spentReason = z.enum(["other-account"]);
/** Why a claim came to nothing, where it is not that the provider refused it. */
export type SpentReason = z.output<typeof spentReason>;

export const lossReason = z.enum([
	"revoked-or-reused",
	"deadline",
	"lost-in-flight",
	"logged-out",
	"rolled-back",
	"none-yet",
]);
/** Why a custodian needs a login; `none-yet` for one that never had any. */
export type LossReason = z.output<typeof lossReason>;

/** What is known of a login that is lost or rolled back. Times are wall-clock ms. */
const lossEvidenceSchema = z.object({
	/** When it was noticed. */
	since: instant,
	generation,
	/** When its newest access token came. */
	rotatedAt: instant,
	/** Who handed it over, and when that device confirmed erasing its copy. */
	device: shortText,
	erasedAt: z.optional(instant),
	claimedAt: z.optional(instant),
	deadline: z.optional(instant),
	/** A higher generation than this one that a PC was told. */
	witnessed: z.optional(generation),
});
export type LossEvidence = z.output<typeof lossEvidenceSchema>;

const named = z.object({ fp, state: z.enum(["current", "retired"]) });

const reply = {
	v: z.literal(PROTOCOL_VERSION),
	id,
	/** Of the fingerprints the request said the PC holds, those that live here: disarm them. */
	disarm: z._default(z.array(named).check(z.maxLength(64)), []),
};

const CUSTODY_STATES = [
	"none",
	"staged",
	"verifying",
	"held",
	"refreshing",
	"in-doubt",
	"suspect",
	"rolled-back",
	"needs-login",
] as const;

const statusFacts = {
	state: z.enum(CUSTODY_STATES),
	lineageId: z.optional(lineageId),
	generation: z.optional(generation),
	/** For the generation, as in `claimed`: the PC keeps it as its witness. */
	proof: z.optional(fp),
	/** End of the newest access token, wall-clock ms. */
	accessUntil: z.optional(instant),
	/** End of the login, wall-clock ms. */
	deadline: z.optional(instant),
	/** Wall-clock ms of the last rotation. */
	rotatedAt: z.optional(instant),
	/** Present when only a person can help; its id changes with each new need. */
	need: z.optional(
		z.object({ id: shortText, reason: lossReason, evidence: z.optional(lossEvidenceSchema) }),
	),
	/** What stands between it and the provider, as in `staged`. */
	provider: z.optional(shortText),
	stagedFp: z.optional(fp),
	sinks: z._default(
		z.array(z.object({ name: shortText, state: shortText })).check(z.maxLength(64)),
		[],
	),
	version: z.optional(shortText),
	now: z.optional(instant),
};

const answerSchema = z.discriminatedUnion("type", [
	z.object({ ...reply, type: z.literal("accept"), fp, nonce, goodForMs: instant }),
	z.object({ ...reply, type: z.literal("decline"), fp, reason: declineReason }),
	z.object({ ...reply, type: z.literal("claimed"), fp, lineageId, generation, proof: fp }),
	z.object({ ...reply, type: z.literal("staged"), fp, provider: z.optional(shortText) }),
	z.object({ ...reply, type: z.literal("in-doubt"), fp }),
	z.object({ ...reply, type: z.literal("unknown"), fp }),
	z.object({ ...reply, type: z.literal("not-taken"), fp, reason: notTakenReason }),
	/** `other-account`: claimed, then found to be of another account than the one served here. */
	z.object({ ...reply, type: z.literal("spent"), fp, reason: z.optional(spentReason) }),
	z.object({ ...reply, type: z.literal("withdrawn"), fp }),
	/** The answer to `erased`. */
	z.object({ ...reply, type: z.literal("noted"), fp }),
	z.object({ ...reply, type: z.literal("status"), ...statusFacts }),
	/** The service is not there or cannot take requests now: the PC keeps what it has. */
	z.object({ ...reply, type: z.literal("unavailable"), reason: shortText }),
	/** The request was no request: a defect on one side. Nothing happened. */
	z.object({ ...reply, type: z.literal("refused"), reason: shortText }),
]);

export type Answer = z.output<typeof answerSchema>;

export type StatusAnswer = Extract<Answer, { type: "status" }>;

/** An answer before the service adds version, id and what the PC must disarm. */
export type AnswerBody = Answer extends infer A
	? A extends Answer
		? Omit<A, "v" | "id" | "disarm">
		: never
	: never;

/** @throws BatonError `bad-message`, naming the first wrong field and never its value */
export function parseRequest(line: string): Request {
	return parse(requestSchema, line, "request");
}

/** @throws BatonError `bad-message` */
export function parseAnswer(line: string): Answer {
	return parse(answerSchema, line, "answer");
}

/** One line with its newline. */
export function formatLine(message: Request | Answer): string {
	const line = `${JSON.stringify(message)}\n`;
	if (isTooLong(line)) {
		throw new BatonError("bad-message", `${message.type} is longer than ${LINE_MAX_BYTES} bytes`);
	}
	return line;
}

function parse<T>(schema: z.ZodMiniType<T>, line: string, what: string): T {
	if (isTooLong(line)) {
		throw new BatonError("bad-message", `${what} is longer than ${LINE_MAX_BYTES} bytes`);
	}
	let value: unknown;
	try {
		value = JSON.parse(line);
	} catch {
		// The parser's own message quotes the line, which may hold a token.
		throw new BatonError("bad-message", `${what} is not valid JSON`);
	}
	const version = versionOf(value);
	if (version !== PROTOCOL_VERSION) {
		throw new BatonError(
			"bad-message",
			`${what} is of protocol version ${version ?? "unknown"}, this side speaks ${PROTOCOL_VERSION}`,
			{ hint: "bring both sides to the same version" },
		);
	}
	const parsed = schema.safeParse(value);
	if (!parsed.success) {
		const field = parsed.error.issues[0]?.path.join(".") || "its type";
		throw new BatonError("bad-message", `${what} is not understood: ${field} is wrong`);
	}
	return parsed.data;
}

/** A character is one byte at least: most lines too long are seen without counting. */
function isTooLong(line: string): boolean {
	return line.length > LINE_MAX_BYTES || utf8ToBytes(line).length > LINE_MAX_BYTES;
}

function versionOf(value: unknown): number | undefined {
	if (typeof value !== "object" || value === null || !("v" in value)) return undefined;
	return typeof value.v === "number" ? value.v : undefined;
}
