/**
 * Revocation: a person ends the current login for good. First it is written down that it is never
 * refreshed again; then it is logged out at the provider, as often as that takes; then its tokens are
 * forgotten here. What every sink holds of it is cleared meanwhile.
 */

import { backoffDelay, REVOKE_BACKOFF } from "./backoff.ts";
import { change, changeLineage, type Draft, enter, note, remember } from "./custody-draft.ts";
import { type Lineage, NO_RETRY } from "./custody-state.ts";
import type { RevokeOutcome, RevokeVerdict } from "./revoke-verdict.ts";
import { Secret } from "./secret.ts";
import type { Session } from "./session.ts";
import { nameOf, retire } from "./settle-refresh.ts";
import { isBusy } from "./staged-login.ts";

/** The asker hears once it is durable; a refresh that is under way is waited for first. */
export function askRevoke(draft: Draft, key: string, now: number): void {
	remember(draft, { revokers: [...draft.run.revokers, key] });
	beginRevoking(draft, now);
}

/** What was asked for while a new token was on its way. */
export function beginRevoking(draft: Draft, now: number): void {
	const { revokers } = draft.run;
	if (revokers.length === 0 || mayBringToken(draft)) return;
	remember(draft, { revokers: [] });
	const verdict = revoke(draft, now);
	for (const key of revokers) draft.effects.push({ type: "revocation", key, verdict });
}

/** Revoking the token before it would leave the newest one alive, with nobody to end it. */
function mayBringToken({ record: { current }, run }: Draft): boolean {
	const { operation } = run;
	const refreshes = operation?.kind === "refresh" || operation?.kind === "harvest";
	if (refreshes && operation.role === "current") return true;
	return current?.phase.name === "in-doubt" && !run.harvested.current.done;
}

function revoke(draft: Draft, now: number): RevokeVerdict {
	const { current, staged } = draft.record;
	if (staged !== undefined && isBusy(staged)) return { kind: "declined", why: "busy" };
	if (current === undefined || isLoggedOut(current)) return { kind: "declined", why: "nothing" };
	remember(draft, {
		asked: undefined,
		replaced: undefined,
		refreshRetry: { ...draft.run.refreshRetry, current: NO_RETRY },
	});
	if (current.phase.name !== "revoking") {
		enter(draft, "current", { name: "revoking", since: now });
		note(draft, "info", "revoking", nameOf(current));
	}
	return { kind: "revoking" };
}

export function isLoggedOut({ phase }: Lineage): boolean {
	return phase.name === "needs-login" && phase.reason === "logged-out";
}

export function settleRevocation(
	draft: Draft,
	outcome: RevokeOutcome,
	now: number,
	random: number,
): void {
	const { current } = draft.record;
	if (current?.phase.name !== "revoking") return;
	switch (outcome.kind) {
		case "revoked":
			forgetTokens(draft, current, undefined, now);
			return note(draft, "info", "revoked", nameOf(current));
		case "impossible":
			forgetTokens(draft, current, outcome.why, now);
			return note(draft, "warn", "not-revoked", { ...nameOf(current), reason: outcome.why });
		case "failed":
			return settleNotRevoked(draft, current, outcome.why, now, random);
	}
}

/** Nobody may use them any more, us included; the fingerprints stay, so that a copy is known. */
function forgetTokens(
	draft: Draft,
	lineage: Lineage,
	notRevoked: string | undefined,
	now: number,
): void {
	const past = retire(draft, lineage, now);
	changeLineage(draft, "current", {
		session: withoutTokens(lineage.session),
		phase: {
			name: "needs-login",
			reason: "logged-out",
			since: now,
			...(notRevoked === undefined ? {} : { notRevoked }),
		},
	});
	change(draft, { past });
	remember(draft, { probes: {}, refreshRetry: { ...draft.run.refreshRetry, current: NO_RETRY } });
}

function withoutTokens(session: Session): Session {
	return { ...session, accessToken: new Secret(""), refreshToken: undefined };
}

function settleNotRevoked(
	draft: Draft,
	lineage: Lineage,
	why: string,
	now: number,
	random: number,
): void {
	const failures = draft.run.refreshRetry.current.failures + 1;
	const at = now + backoffDelay(REVOKE_BACKOFF, failures, random);
	const current = { failures, at, why };
	remember(draft, { refreshRetry: { ...draft.run.refreshRetry, current } });
	if (failures === 1) note(draft, "warn", "revocation-failed", { ...nameOf(lineage), reason: why });
}
