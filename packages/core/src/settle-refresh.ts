/**
 * What a refresh came to, and what becomes of the lineage by it.
 */

import { backoffDelay, LONGEST_RETRY_AFTER, PROVIDER_BACKOFF } from "./backoff.ts";
import {
	change,
	changeLineage,
	type Draft,
	enter,
	freePlace,
	note,
	remember,
} from "./custody-draft.ts";
import { type Lineage, NO_RETRY, type Past, type Role, UNHARVESTED } from "./custody-state.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";
import type { RefreshOutcome } from "./oauth.ts";
import { probeMemory } from "./plan-custody.ts";
import type { SpentReason } from "./protocol.ts";
import { seeClock } from "./provider-clock.ts";
import { isUnexpired, type Session, sessionFingerprint } from "./session.ts";
import { rotate, type Tokens } from "./tokens.ts";

/** @param random from 0 to 1 */
export function settleRefresh(
	draft: Draft,
	role: Role,
	outcome: RefreshOutcome,
	now: number,
	random: number,
): void {
	if (outcome.kind === "rotated") seeClock(draft, outcome.theirNow, now);
	const lineage = draft.record[role];
	if (lineage === undefined) return;
	switch (outcome.kind) {
		case "rotated":
			return settleRotation(draft, role, lineage, outcome.tokens, now, random);
		case "dead":
			return role === "staged" ? settleSpent(draft, lineage, now) : settleDead(draft, lineage, now);
		case "refused":
			return settleRefusal(
				draft,
				role,
				lineage,
				outcome.retryAfterMs ?? 0,
				outcome.why,
				now,
				random,
			);
		case "not-sent":
			return settleRefusal(draft, role, lineage, 0, outcome.why ?? "out of reach", now, random);
		case "no-reply":
			return enterDoubt(draft, role, lineage, now);
	}
}

function settleRotation(
	draft: Draft,
	role: Role,
	lineage: Lineage,
	tokens: Tokens,
	now: number,
	random: number,
): void {
	const session = rotate(lineage.session, tokens, now);
	const rotated: Lineage = {
		...lineage,
		session,
		fp: sessionFingerprint(session),
		generation: lineage.generation + 1,
		obtainedAt: now,
		ahead: draft.run.clock.agreed,
		jitter: random,
		askedToWait: undefined,
		phase: { name: "held" },
	};
	const learnable = isFreshlyGood(draft, lineage, now) && isUnexpired(lineage.session, now);
	if (role === "staged" && !isOfOurAccount(draft, lineage)) return verify(draft, rotated, now);
	if (role === "staged") makeCurrent(draft, rotated, now);
	else replaceCurrent(draft, lineage, rotated, now);
	remember(draft, {
		refreshRetry: { current: NO_RETRY, staged: draft.run.refreshRetry.staged },
		replaced: learnable ? replacedBy(lineage.session) : undefined,
	});
}

/** An unbound custody is bound by the first account that the provider names. */
function isOfOurAccount(draft: Draft, lineage: Lineage): boolean {
	return draft.record.account === undefined || lineage.account !== undefined;
}

/** Claimed unseen: it replaces nothing and is given to nobody until its account has been named. */
function verify(draft: Draft, lineage: Lineage, now: number): void {
	const { past } = draft.record;
	const before = draft.record.staged?.fp ?? lineage.firstFp;
	const spent = { was: "spent", lineageId: lineage.lineageId, at: now } as const;
	change(draft, {
		staged: { ...lineage, phase: { name: "verifying" } },
		past: before === lineage.firstFp || before === lineage.fp ? past : { ...past, [before]: spent },
	});
	remember(draft, { refreshRetry: { ...draft.run.refreshRetry, staged: NO_RETRY } });
	note(draft, "info", "verifying", nameOf(lineage));
}

function replacedBy({ accessToken, expiresAt }: Session): Draft["run"]["replaced"] {
	return { accessToken, expiresAt, dead: false };
}

function replaceCurrent(draft: Draft, before: Lineage, after: Lineage, now: number): void {
	remember(draft, {
		probes: {},
		verified: fingerprint(after.session.accessToken),
		unbroken: true,
	});
	change(draft, {
		current: after,
		past: before.fp === after.fp ? draft.record.past : retire(draft, before, now),
		lineages: { ...draft.record.lineages, [after.lineageId]: after.generation },
	});
	note(draft, "info", "rotated", nameOf(after));
}

/**
 * The staged login becomes the current one. The one before it is never refreshed again and its refresh
 * token is forgotten, not revoked: a revocation may reach further than its own login.
 */
export function makeCurrent(draft: Draft, lineage: Lineage, now: number): void {
	const before = draft.record.current;
	const past = before === undefined ? draft.record.past : retire(draft, before, now);
	change(draft, {
		account: draft.record.account ?? lineage.account,
		current: lineage,
		staged: undefined,
		retiring:
			before === undefined
				? undefined
				: { lineageId: before.lineageId, accessUntil: before.session.expiresAt },
		past: { ...past, [lineage.firstFp]: { was: "claimed", lineageId: lineage.lineageId, at: now } },
		lineages: { ...draft.record.lineages, [lineage.lineageId]: lineage.generation },
	});
	const { reservation } = draft.run;
	remember(draft, {
		armed: undefined,
		reservation: reservation?.fp === lineage.firstFp ? undefined : reservation,
		probes: {},
		verified: lineage.generation > 0 ? fingerprint(lineage.session.accessToken) : undefined,
		unbroken: true,
		witnessAgrees: false,
		harvested: { current: UNHARVESTED, staged: UNHARVESTED },
		refreshRetry: { current: NO_RETRY, staged: NO_RETRY },
	});
	freePlace(draft, lineage.firstFp);
	note(draft, "info", "claimed", nameOf(lineage));
	if (before?.phase.name === "revoking") {
		note(draft, "warn", "not-revoked", { ...nameOf(before), reason: "replaced before it was" });
	}
}

/** Remembers a fingerprint as retired; one that was delivered stays known as claimed. */
export function retire(
	draft: Draft,
	lineage: Lineage,
	now: number,
): Readonly<Record<Fingerprint, Past>> {
	const { past } = draft.record;
	if (past[lineage.fp]?.was === "claimed") return past;
	return { ...past, [lineage.fp]: { was: "retired", lineageId: lineage.lineageId, at: now } };
}

/**
 * `invalid_grant` at the claim, or it was claimed and is another's. A login held before is untouched.
 */
export function settleSpent(
	draft: Draft,
	lineage: Lineage,
	now: number,
	reason?: SpentReason,
): void {
	const why = reason === undefined ? {} : { reason };
	const spent = { was: "spent", lineageId: lineage.lineageId, at: now, ...why } as const;
	change(draft, {
		staged: undefined,
		past: { ...draft.record.past, [lineage.firstFp]: spent, [lineage.fp]: spent },
	});
	remember(draft, { armed: undefined });
	freePlace(draft, lineage.firstFp);
	note(draft, "warn", "claim-refused", { ...nameOf(lineage), ...why });
}

function settleDead(draft: Draft, lineage: Lineage, now: number): void {
	const { phase, session } = lineage;
	const ended = session.deadline !== undefined && session.deadline <= now;
	const reason = ended
		? "deadline"
		: phase.name === "in-doubt"
			? "lost-in-flight"
			: "revoked-or-reused";
	enter(draft, "current", { name: "needs-login", reason, since: now });
	note(draft, "warn", "needs-login", { ...nameOf(lineage), reason });
}

/** The token was not used up: back to where the refresh began, and a wait. */
function settleRefusal(
	draft: Draft,
	role: Role,
	lineage: Lineage,
	retryAfterMs: number,
	why: string,
	now: number,
	random: number,
): void {
	const failures = draft.run.refreshRetry[role].failures + 1;
	const delay = Math.max(
		backoffDelay(PROVIDER_BACKOFF, failures, random),
		Math.min(retryAfterMs, LONGEST_RETRY_AFTER),
	);
	remember(draft, {
		refreshRetry: { ...draft.run.refreshRetry, [role]: { failures, at: now + delay, why } },
		// What was asked for was tried.
		asked: role === "current" ? undefined : draft.run.asked,
	});
	const { phase } = lineage;
	const until = now + Math.min(retryAfterMs, LONGEST_RETRY_AFTER);
	const asked = retryAfterMs > 0 ? { heardAt: now, until, why } : undefined;
	if (lineage.askedToWait !== asked) changeLineage(draft, role, { askedToWait: asked });
	if (phase.name === "refreshing") enter(draft, role, phase.before);
	if (phase.name === "in-doubt") enter(draft, role, { ...phase, lateTryAt: undefined });
	serveStaged(draft, role);
	note(draft, failures === 1 ? "info" : "warn", "refresh-refused", {
		...nameOf(lineage),
		reason: why,
	});
}

/** The claim has to wait for the provider: meanwhile the access token is of use. */
export function serveStaged(draft: Draft, role: Role): void {
	const phase = draft.record[role]?.phase;
	if (phase?.name === "staged" && !phase.served) enter(draft, role, { ...phase, served: true });
}

/** Nobody can say whether the token was used up. What was probed before says nothing about after. */
export function enterDoubt(draft: Draft, role: Role, lineage: Lineage, now: number): void {
	const { phase } = lineage;
	const { [fingerprint(lineage.session.accessToken)]: _before, ...probes } = draft.run.probes;
	remember(draft, { probes, harvested: { ...draft.run.harvested, [role]: UNHARVESTED } });
	if (phase.name === "refreshing") {
		enter(draft, role, { name: "in-doubt", intent: phase.intent, lateTryAt: undefined });
		note(draft, "warn", "in-doubt", nameOf(lineage));
	} else if (phase.name === "in-doubt" && phase.lateTryAt === undefined) {
		enter(draft, role, { ...phase, lateTryAt: now });
	}
}

function isFreshlyGood(draft: Draft, lineage: Lineage, now: number): boolean {
	const { goodAt } = probeMemory(draft, lineage);
	return goodAt !== undefined && goodAt <= now && now - goodAt < 4 * draft.rules.timing.fresh;
}

export function nameOf(lineage: Lineage) {
	const { fp, lineageId, generation, device } = lineage;
	return { fp, lineageId, generation, device };
}
