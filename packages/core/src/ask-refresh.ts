/**
 * A refresh that a person or a program asks for: granted or declined at once, by the same rule that
 * keeps two rotations apart, and never owed for longer than the asker would wait.
 */

import type { AskVerdict } from "./ask-verdict.ts";
import { type Draft, note, remember } from "./custody-draft.ts";
import { type CustodyState, type Lineage, NO_RETRY, tokenLife } from "./custody-state.ts";
import { MINUTE } from "./duration.ts";
import { fingerprint } from "./lineage.ts";
import { earliestRefreshAt, refreshDueAt } from "./refresh-policy.ts";
import { isArmed } from "./session.ts";

/** An ask that could not be served by then was refused by circumstance. */
const ASK_GOOD_FOR = 2 * MINUTE;

/** @param force also of a token in the first quarter of its life, which a person has to mean */
export function askRefresh(draft: Draft, key: string, force: boolean, now: number): void {
	const verdict = judgeAsk(draft, force, now);
	draft.reply = () => ({ type: "verdict", key, verdict });
	const { current } = draft.record;
	if (verdict.kind === "declined" || current?.phase.name !== "held") return;
	if (isAsked(draft, current) && (draft.run.asked?.force || !force)) return;
	const access = fingerprint(current.session.accessToken);
	remember(draft, { asked: { access, until: now + ASK_GOOD_FOR, force } });
	const { fp, lineageId, generation } = current;
	note(draft, "info", "refresh-asked", { fp, lineageId, generation });
}

export function isAsked({ run }: Pick<CustodyState, "run">, lineage: Lineage): boolean {
	return run.asked !== undefined && run.asked.access === fingerprint(lineage.session.accessToken);
}

/** From when on what was asked for may be done, wall-clock ms; undefined if that cannot be told. */
export function askedFrom(
	{ run }: Pick<CustodyState, "run">,
	lineage: Lineage,
): number | undefined {
	return run.asked?.force ? lineage.obtainedAt : earliestRefreshAt(tokenLife(lineage));
}

/** An ask ends with the token it was for, with any outcome that leaves the login not held, and in time. */
export function lapseAsk(draft: Draft, now: number): void {
	const { asked } = draft.run;
	if (asked === undefined) return;
	const { current } = draft.record;
	const isOpen = current?.phase.name === "held" || current?.phase.name === "refreshing";
	if (isOpen && isAsked(draft, current) && now < asked.until) return;
	remember(draft, { asked: undefined });
}

/** Nobody waits for sinks on account of an ask alone; what is due by itself does. */
export function dropAsk(draft: Draft, now: number): void {
	const { current } = draft.record;
	if (current === undefined || !isAsked(draft, current)) return;
	const due = refreshDueAt(draft.rules.policy, tokenLife(current));
	const isDue = due !== undefined && due <= now;
	remember(draft, {
		asked: undefined,
		...(isDue ? {} : { sinks: undefined, sinkRetry: NO_RETRY }),
	});
}

function judgeAsk({ record, run }: CustodyState | Draft, force: boolean, now: number): AskVerdict {
	const { current } = record;
	if (current?.phase.name === "refreshing") return { kind: "asked" };
	if (current?.phase.name !== "held") return { kind: "declined", why: "not-held" };
	const { session } = current;
	const ended = session.deadline !== undefined && session.deadline <= now;
	if (!isArmed(session) || ended) return { kind: "declined", why: "no-refresh" };
	const from = earliestRefreshAt(tokenLife(current));
	if (from === undefined && !force) return { kind: "declined", why: "end-unknown" };
	if (from !== undefined && now < from && !force)
		return { kind: "declined", why: "too-soon", from };
	const { at } = run.refreshRetry.current;
	return now < at ? { kind: "declined", why: "backing-off", from: at } : { kind: "asked" };
}
