/** The PC's record as a state file: everything Baton remembers here, and no secret. */

import type { StoreView } from "@baton/core/classify-login";
import {
	HANDOVER_STEPS,
	type Handover,
	type HostMemory,
	type Known,
	type PcRecord,
	type Permit,
	type WitnessMemory,
} from "@baton/core/handover-state";
import { declineReason, lossReason, parseAnswer, type StatusAnswer } from "@baton/core/protocol";
import type { StateFormat } from "@baton/io/state-file";
import * as z from "zod/mini";

const text = z.string();
const instant = z.number();
const fp = text.check(z.regex(/^[0-9a-f]{64}$/));

/** JSON has no undefined: what was left out comes back as such. */
function maybe<T>(schema: z.ZodMiniType<T>) {
	return z.pipe(
		z.optional(schema),
		z.transform((value): T | undefined => value),
	);
}

const returnReason = z.enum([
	"other-account",
	"dead",
	"expired",
	"replaced",
	"withdrawn",
	"forced",
	"unsure",
]);

const handover = z.object({
	fp,
	lineageId: text,
	accessFp: fp,
	host: text,
	store: text,
	account: maybe(text),
	expiresAt: maybe(instant),
	deadline: maybe(instant),
	replace: z.boolean(),
	step: z.enum(HANDOVER_STEPS),
	since: instant,
	takeBack: maybe(z.enum(["asked", "declined"])),
	reason: maybe(returnReason),
	provider: maybe(text),
	putBackBegun: z.boolean(),
}) satisfies z.ZodMiniType<Handover>;

const view = z.object({
	fp: maybe(fp),
	lastFp: maybe(fp),
	account: maybe(text),
	deadline: maybe(instant),
}) satisfies z.ZodMiniType<StoreView>;

const permit = z.object({
	host: text,
	by: z.enum(["person", "host"]),
	since: instant,
	replace: z.boolean(),
}) satisfies z.ZodMiniType<Permit>;

const known = z.object({
	host: text,
	was: z.enum(["handed-over", "in-custody", "own"]),
	at: instant,
	reason: maybe(z.union([declineReason, returnReason])),
	toWithdraw: maybe(z.literal(true)),
}) satisfies z.ZodMiniType<Known>;

const witness = z.object({
	generation: z.int(),
	proof: fp,
}) satisfies z.ZodMiniType<WitnessMemory>;

const hostMemory = z.object({
	needId: maybe(text),
	need: maybe(lossReason),
	contactAt: maybe(instant),
	witness: z.record(text, witness),
	warned: maybe(z.object({ deadline: instant, days: z.int() })),
	/** For people only: one that is no longer understood is forgotten. */
	status: z.pipe(z.unknown(), z.transform(statusOf)),
}) satisfies z.ZodMiniType<HostMemory>;

const record = z.object({
	handovers: z.array(handover),
	stores: z.record(text, view),
	permit: maybe(permit),
	known: z.record(fp, known),
	hosts: z.record(text, hostMemory),
}) satisfies z.ZodMiniType<PcRecord>;

function statusOf(stored: unknown): StatusAnswer | undefined {
	if (stored === undefined) return undefined;
	try {
		const answer = parseAnswer(JSON.stringify(stored));
		return answer.type === "status" ? answer : undefined;
	} catch {
		return undefined;
	}
}

export const PC_RECORD_FORMAT: StateFormat<PcRecord> = {
	format: "baton-pc",
	version: 1,
	parse: (data) => record.parse(data),
	maxBytes: 8 * 1024 * 1024,
};
