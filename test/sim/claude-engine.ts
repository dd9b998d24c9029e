/**
 * A refresh that is left to another program: it outlives the service, takes its time, and leaves its
 * outcome in a folder until the record is durable.
 */

import { type CustodyRecord, intentAt } from "@baton/core/custody-state";
import { MINUTE, SECOND } from "@baton/core/duration";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { HarvestOutcome, RefreshOutcome } from "@baton/core/oauth";
import type { ArmedSession } from "@baton/core/session";
import type { World } from "./world.ts";

interface Run {
	/** Undefined as long as it runs. */
	outcome: RefreshOutcome | undefined;
	/** By the machine's clock. */
	endedAt: number;
}

/** How long the service waits for it. */
const WAITED_FOR = 100 * SECOND;

export class ClaudeEngine {
	readonly #world: World;
	readonly #now: () => number;
	readonly #fate: () => RefreshOutcome | undefined;
	readonly #runs = new Map<Fingerprint, Run>();

	/** @param fate what became of a request that the provider never acted upon */
	constructor(world: World, now: () => number, fate: () => RefreshOutcome | undefined) {
		this.#world = world;
		this.#now = now;
		this.#fate = fate;
	}

	/** @param end hears the outcome, or that it is not waited for any longer */
	refresh(session: ArmedSession, end: (outcome: RefreshOutcome) => void): void {
		const { timeline, random, faults, oracle } = this.#world;
		const fp = fingerprint(session.refreshToken);
		const left = this.harvest(fp);
		if (left.kind === "running") return end({ kind: "no-reply" });
		if (left.kind === "rotated" || left.kind === "dead") return end(left);
		oracle.refreshSent(this.#world.vps(), session.refreshToken.reveal());
		const run: Run = { outcome: undefined, endedAt: 0 };
		this.#runs.set(fp, run);
		let waiting = true;
		const once = (outcome: RefreshOutcome) => {
			if (waiting) end(outcome);
			waiting = false;
		};
		timeline.after(WAITED_FOR, () => once({ kind: "no-reply" }));
		const hangs = random.chance(faults.refreshReplyLost);
		const takes = hangs ? random.between(MINUTE, 40 * MINUTE) : random.between(SECOND, 5 * SECOND);
		timeline.after(takes, () => {
			run.outcome = this.#carriedOut(session);
			run.endedAt = this.#now();
			once(run.outcome);
		});
	}

	#carriedOut(session: ArmedSession): RefreshOutcome {
		const { provider, random, faults, oracle } = this.#world;
		const token = session.refreshToken.reveal();
		const fate = this.#fate();
		// Of a server's trouble claude does not tell.
		if (fate?.kind === "refused" && fate.why === "server") return { kind: "no-reply" };
		if (fate !== undefined) return fate;
		const outcome = provider.refresh(token, "vps");
		if (random.chance(faults.refreshReplyLost)) {
			provider.loseReply(token, "vps");
			return { kind: "no-reply" };
		}
		const fresh = outcome.kind === "rotated" ? outcome.tokens.refreshToken : undefined;
		if (fresh !== undefined) oracle.inEngine.add(fresh.reveal());
		return outcome;
	}

	harvest(fp: Fingerprint): HarvestOutcome {
		const run = this.#runs.get(fp);
		if (run === undefined) return { kind: "nothing", endedAt: undefined };
		if (run.outcome === undefined) return { kind: "running" };
		if (run.outcome.kind === "no-reply") return { kind: "nothing", endedAt: run.endedAt };
		return run.outcome.kind === "rotated"
			? aged(run.outcome, this.#now() - run.endedAt)
			: run.outcome;
	}

	/** Only what no open intent needs, and what does not run, goes. */
	settled({ current, staged }: CustodyRecord): void {
		const open = [current, staged].filter(
			(one) => one !== undefined && intentAt(one.phase) !== undefined,
		);
		for (const [fp, { outcome }] of this.#runs) {
			if (outcome === undefined || open.some((one) => one?.fp === fp)) continue;
			this.#runs.delete(fp);
			const fresh = outcome.kind === "rotated" ? outcome.tokens.refreshToken : undefined;
			if (fresh !== undefined) this.#world.oracle.inEngine.delete(fresh.reveal());
		}
	}

	/** The folder is put back with all the rest, to a time when there was none. */
	forget(): void {
		this.#runs.clear();
		this.#world.oracle.inEngine.clear();
	}
}

/** What it found written down is an end, not a time from now. */
function aged(
	{ kind, tokens }: Extract<RefreshOutcome, { kind: "rotated" }>,
	sinceMs: number,
): Extract<RefreshOutcome, { kind: "rotated" }> {
	const { expiresInMs, deadlineInMs } = tokens;
	const left = Math.max(0, expiresInMs - sinceMs);
	const deadline = deadlineInMs === undefined ? undefined : deadlineInMs - sinceMs;
	return { kind, tokens: { ...tokens, expiresInMs: left, deadlineInMs: deadline } };
}
