/**
 * Whether each login's newest refresh token outlives a power cut, and no two parties would spend one: of one machine while the other goes
 * on, or of both. Two moments, one of each machine, are looked at together if neither machine can have
 * heard by then what the other says only after its own moment.
 */
import type { Prefix } from "./machine.ts";
import type { PcFacts } from "./pc-image.ts";
import type { Spoken } from "./spoken.ts";
import type { HeldLogin, VpsFacts } from "./vps-image.ts";

/** One refresh token after another of a login. */
export interface Rung {
	readonly fp: string;
	/** From when on it is the newest, or may be: the request that yields it has been sent. µs */
	readonly from: number;
	/** What was spent for it; undefined for the first. */
	readonly parent: string | undefined;
	/** From when on something is seen of it, so that it must be kept. µs */
	readonly seenAt: number;
}

export interface Losses {
	/** Pairs of images looked at. */
	readonly pairs: number;
	readonly lost: number;
	/** The reply was under way, or not yet on the disk: of a login with an open intent, which names it. */
	readonly lostInFlight: number;
	/** In a store or a file of claude's, while the service spends it, or has, without looking there. */
	readonly doubled: number;
}

interface Lives {
	readonly pc: readonly Prefix<PcFacts>[];
	readonly vps: readonly Prefix<VpsFacts>[];
}

export function lossesIn(
	{ pc, vps }: Lives,
	ladders: readonly (readonly Rung[])[],
	spoken: readonly Spoken[],
	saidAt: (heardAt: number) => number,
): Losses {
	const isMet = metBy(spoken, saidAt);
	const counts = { pairs: 0, lost: 0, lostInFlight: 0, doubled: 0 };
	pc.forEach((here, i) => {
		const hereUntil = pc[i + 1]?.from ?? Number.POSITIVE_INFINITY;
		vps.forEach((there, j) => {
			const thereUntil = vps[j + 1]?.from ?? Number.POSITIVE_INFINITY;
			if (!isMet([here.from, hereUntil], [there.from, thereUntil])) return;
			for (const ladder of ladders) lookAt(counts, here, there, ladder);
		});
	});
	return counts;
}

type Span = readonly [from: number, until: number];

/** Whether two moments can go together. */
function metBy(spoken: readonly Spoken[], saidAt: (heardAt: number) => number) {
	const answers = spoken.filter(({ kind }) => kind === "to-device").map(({ at }) => at);
	const requests = spoken
		.filter(({ kind }) => kind === "from-device")
		.map(({ at }) => ({ heard: at, said: saidAt(at) }));
	return ([pcFrom, pcUntil]: Span, [vpsFrom, vpsUntil]: Span): boolean =>
		!answers.some((at) => at >= vpsUntil && at <= pcFrom) &&
		!requests.some(({ heard, said }) => said >= pcUntil && heard <= vpsFrom);
}

type Counts = { -readonly [K in keyof Losses]: Losses[K] };

function lookAt(
	counts: Counts,
	here: Prefix<PcFacts>,
	there: Prefix<VpsFacts>,
	ladder: readonly Rung[],
): void {
	const isThere = ladder[0] !== undefined && ladder[0].from <= here.from;
	const newest = ladder.findLast(({ from }) => from <= there.from) ?? ladder[0];
	if (newest === undefined || !isThere) return;
	for (const pc of here.facts) {
		for (const vps of there.facts) {
			counts.pairs += 1;
			if (ladder.some(({ fp }) => isDoubled(fp, pc, vps))) counts.doubled += 1;
			if (isKept(newest.fp, pc, vps)) continue;
			if (isInFlight(newest, vps, there.from)) counts.lostInFlight += 1;
			else counts.lost += 1;
		}
	}
}

/** Somewhere from where it may still be spent. */
function isKept(fp: string, { escrow, stores }: PcFacts, { logins, armed }: VpsFacts): boolean {
	const places = [...escrow, ...stores, ...armed];
	return places.includes(fp) || logins.some((login) => login.fp === fp && mayBeSpent(login));
}

/** One that was imported only if its file is found disarmed: sealed, it is of no use. */
function mayBeSpent({ phase, source, found }: HeldLogin): boolean {
	if (phase === "needs-login") return false;
	return source === undefined || source === "disarmed" || found === "disarmed";
}

function isDoubled(fp: string, { stores }: PcFacts, { logins, past, armed }: VpsFacts): boolean {
	if (!stores.includes(fp) && !armed.includes(fp)) return false;
	if (past[fp] === "claimed" || past[fp] === "retired") return true;
	return logins.some((login) => login.fp === fp && isSpentUnseen(login));
}

/** Before it is known to be disarmed, the file it was imported from is looked at. */
function isSpentUnseen({ phase, source }: HeldLogin): boolean {
	return phase !== "staged" || source === undefined || source === "disarmed";
}

function isInFlight({ parent, seenAt }: Rung, { logins }: VpsFacts, at: number): boolean {
	if (parent === undefined || at >= seenAt) return false;
	return logins.some(({ fp, phase }) => fp === parent && phase === "refreshing");
}
