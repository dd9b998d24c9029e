/**
 * The custody record as bytes: JSON with tokens in clear, for the secret store only.
 */

import * as z from "zod/mini";
import type { CustodyRecord, Lineage, Phase } from "./custody-state.ts";
import { BatonError } from "./error.ts";
import { lossReason, notTakenReason, spentReason } from "./protocol.ts";
import { formatEntry, parseEntry, type Session, setupTokenSession } from "./session.ts";

/** Grows with the record; a newer one is refused by the state file that carries it. */
export const CUSTODY_RECORD_VERSION = 2;

/** By older version: makes what that one stored what the next one stores. */
export const CUSTODY_RECORD_MIGRATIONS: Readonly<Record<number, (data: unknown) => unknown>> = {
	// Fingerprints did not fade.
	1: (data) => ({ ...(data as object), faded: [] }),
};

const text = z.string();
const instant = z.number();
const intent = z.object({ at: instant });
const quiet = [
	z.object({ name: z.literal("staged"), served: z.boolean() }),
	z.object({ name: z.literal("verifying") }),
	z.object({ name: z.literal("held") }),
	z.object({ name: z.literal("suspect"), since: instant }),
] as const;

const phase = z.discriminatedUnion("name", [
	...quiet,
	z.object({
		name: z.literal("refreshing"),
		intent,
		before: z.discriminatedUnion("name", [...quiet]),
	}),
	z.object({ name: z.literal("in-doubt"), intent, lateTryAt: z.optional(instant) }),
	z.object({ name: z.literal("rolled-back"), witnessed: instant, since: instant }),
	z.object({ name: z.literal("revoking"), since: instant }),
	z.object({
		name: z.literal("needs-login"),
		reason: lossReason,
		since: instant,
		notRevoked: z.optional(text),
	}),
]);

const lineage = z.object({
	lineageId: text,
	firstFp: text,
	fp: text,
	kind: z.enum(["login", "setup-token"]),
	entry: z.record(text, z.unknown()),
	generation: z.int().check(z.nonnegative()),
	obtainedAt: instant,
	ahead: z.optional(instant),
	jitter: instant,
	device: text,
	account: z.optional(text),
	erasedAt: z.optional(instant),
	imported: z.optional(
		z.object({ path: z.optional(text), state: z.enum(["armed", "disarming", "disarmed"]) }),
	),
	warned: z.optional(z.object({ deadline: instant, days: z.int() })),
	askedToWait: z.optional(z.object({ heardAt: instant, until: instant, why: text })),
	phase,
});

const past = z.discriminatedUnion("was", [
	z.object({ was: z.literal("claimed"), lineageId: text, at: instant }),
	z.object({ was: z.literal("retired"), lineageId: text, at: instant }),
	z.object({
		was: z.literal("spent"),
		lineageId: text,
		at: instant,
		reason: z.optional(spentReason),
	}),
	z.object({ was: z.literal("not-taken"), reason: notTakenReason, at: instant }),
	z.object({ was: z.literal("withdrawn"), at: instant }),
]);

const schema = z.object({
	name: text,
	proofKey: text.check(z.regex(/^[0-9a-f]{64}$/)),
	account: z.optional(text),
	current: z.optional(lineage),
	retiring: z.optional(z.object({ lineageId: text, accessUntil: z.optional(instant) })),
	staged: z.optional(lineage),
	past: z.record(text, past),
	faded: z.array(text.check(z.regex(/^[0-9a-f]{16}$/))),
	lineages: z.record(text, z.int()),
	learnt: z.object({ killsOldAccess: z.int() }),
});

type StoredLineage = z.output<typeof lineage>;

export function formatRecord(record: CustodyRecord): string {
	return JSON.stringify({
		...record,
		current: record.current && storeLineage(record.current),
		staged: record.staged && storeLineage(record.staged),
	});
}

/** @throws BatonError `bad-state` if it is no custody record; nothing of its content is shown */
export function parseRecord(json: string): CustodyRecord {
	let value: unknown;
	try {
		value = JSON.parse(json);
	} catch {
		throw notARecord("not valid JSON");
	}
	const parsed = schema.safeParse(value);
	if (!parsed.success) throw notARecord(`${parsed.error.issues[0]?.path.join(".")} is wrong`);
	const { data } = parsed;
	return {
		name: data.name,
		proofKey: data.proofKey,
		account: data.account,
		current: data.current && loadLineage(data.current),
		retiring: data.retiring && {
			lineageId: data.retiring.lineageId,
			accessUntil: data.retiring.accessUntil,
		},
		staged: data.staged && loadLineage(data.staged),
		past: data.past,
		faded: data.faded,
		lineages: data.lineages,
		learnt: data.learnt,
	};
}

function storeLineage({ session, ...lineage }: Lineage) {
	return { ...lineage, kind: session.kind, entry: formatEntry(session) };
}

function loadLineage({ entry, kind, ...stored }: StoredLineage): Lineage {
	return {
		...stored,
		account: stored.account,
		ahead: stored.ahead,
		erasedAt: stored.erasedAt,
		imported: stored.imported && {
			path: stored.imported.path,
			state: stored.imported.state,
		},
		warned: stored.warned,
		askedToWait: stored.askedToWait,
		phase: loadPhase(stored.phase),
		session: loadSession(kind, entry),
	};
}

function loadSession(kind: StoredLineage["kind"], entry: StoredLineage["entry"]): Session {
	let session: Session;
	try {
		session = parseEntry(entry);
	} catch {
		throw notARecord("a session is wrong");
	}
	return kind === "login" ? session : setupTokenSession(session.accessToken, session.expiresAt);
}

/** JSON has no undefined: what was left out comes back as such. */
function loadPhase(stored: StoredLineage["phase"]): Phase {
	return stored.name === "in-doubt" ? { ...stored, lateTryAt: stored.lateTryAt } : stored;
}

function notARecord(why: string): BatonError {
	return new BatonError("bad-state", `the custody record is damaged: ${why}`, {
		hint: "nothing was touched; move the state folder away, start again and hand over a new login",
	});
}
