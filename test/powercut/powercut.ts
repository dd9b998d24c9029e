/** A recorded story with a power cut at every moment of it, and what came of that. */
import { join } from "node:path";
import { diskEvents } from "./disk-event.ts";
import { keptFiles } from "./kept-files.ts";
import { LaidOut } from "./laid-out.ts";
import { type Losses, lossesIn, type Rung } from "./loss.ts";
import { type Life, liveThrough, type Machine } from "./machine.ts";
import { deedsOf, tooEarly } from "./order.ts";
import { isPcState, type PcFacts, readPc, STORE_FILES } from "./pc-image.ts";
import type { Recording, Side } from "./record.ts";
import { type Spoken, saidAt, spokenBy } from "./spoken.ts";
import { type VpsFacts, vpsReader } from "./vps-image.ts";

/** What was recorded, ready to be cut. */
export interface Film {
	readonly pc: Machine<PcFacts>;
	readonly vps: Machine<VpsFacts>;
	readonly spoken: readonly Spoken[];
	readonly saidAt: (heardAt: number) => number;
	readonly recording: Recording;
	/** Where images are laid out; of all that is made of this film, each once. */
	readonly laid: LaidOut;
}

export interface Verdict extends Losses {
	/** Moments at which the power was cut, on one machine or the other. */
	readonly prefixes: number;
	/** What those may have left, each possibility once. */
	readonly images: number;
	/** State files that were neither old nor new, or that their reader refused. */
	readonly unreadable: number;
	/** Things done before what they rest on was durable. */
	readonly orderFaults: number;
	/** Files that somebody else could have read, or that were left on the way to their name. */
	readonly exposed: number;
	/** What was wrong, in words; and which rules of order had something to judge. */
	readonly faults: readonly string[];
	readonly rulesMet: readonly string[];
}

export function filmOf(recording: Recording): Film {
	const { pc, vps, sources } = recording;
	const settings = vps.before.get(join(vps.root, "config", "batond.json"))?.content;
	const kept = keptFiles(String(settings));
	return {
		pc: { ...scene(pc), ...PC },
		vps: { ...scene(vps), ...vpsReader({ sources, kept }) },
		spoken: spokenBy(vps.calls),
		saidAt: saidAt(pc.calls),
		recording,
		laid: new LaidOut(),
	};
}

const PC = { isState: isPcState, stores: STORE_FILES, modes: new Map(), read: readPc };

function scene({ root, before, calls, others, given }: Side) {
	return { root, before, events: [...diskEvents([...calls, ...others], root), ...given] };
}

export async function examine(film: Film): Promise<Verdict> {
	const pc = await liveThrough(film.pc, film.laid);
	const vps = await liveThrough(film.vps, film.laid);
	return judge(film, pc, vps);
}

function judge(
	{ spoken, saidAt, recording }: Film,
	pc: Life<PcFacts>,
	vps: Life<VpsFacts>,
): Verdict {
	const deeds = deedsOf(pc, vps, spoken, saidAt);
	const early = tooEarly(deeds, pc, vps);
	const prefixes = [...pc.prefixes, ...vps.prefixes];
	const unreadable = prefixes.flatMap((prefix) => prefix.unreadable);
	const exposed = [...pc.exposed, ...vps.exposed];
	const losses = lossesIn(
		{ pc: pc.prefixes, vps: vps.prefixes },
		laddersOf(recording, spoken, vps),
		spoken,
		saidAt,
	);
	return {
		prefixes: prefixes.length,
		images: prefixes.reduce((sum, { images }) => sum + images, 0),
		...losses,
		unreadable: unreadable.length,
		orderFaults: early.length,
		exposed: exposed.length,
		faults: faultsOf(early, unreadable, exposed, losses),
		rulesMet: [...new Set(deeds.map(({ what }) => what))],
	};
}

function faultsOf(
	early: string[],
	unreadable: string[],
	exposed: string[],
	{ lost, doubled }: Losses,
): string[] {
	return [
		...new Set([
			...early,
			...unreadable.map((file) => `neither old nor new: ${file}`),
			...exposed.map((file) => `open to others, or left behind: ${file}`),
			...(lost > 0 ? ["a login's newest refresh token is nowhere it may be spent from"] : []),
			...(doubled > 0 ? ["a refresh token lies where two would spend it"] : []),
		]),
	];
}

const PUBLISHED: readonly Spoken["kind"][] = ["published", "given to a command"];

/** Each login's refresh tokens, one after the other. */
function laddersOf(
	{ logins, presentations }: Recording,
	spoken: readonly Spoken[],
	vps: Life<VpsFacts>,
): Rung[][] {
	const accessOf = new Map<string, string>();
	for (const { facts } of vps.prefixes) {
		for (const { logins: held } of facts)
			for (const one of held) accessOf.set(one.fp, one.accessFp);
	}
	const firstAt = (kinds: readonly Spoken["kind"][], is: (one: Spoken) => boolean) =>
		spoken.find((one) => kinds.includes(one.kind) && is(one))?.at ?? Number.POSITIVE_INFINITY;
	return logins.map(({ fp: first, from }) => {
		const ladder: Rung[] = [{ fp: first, from, parent: undefined, seenAt: from }];
		for (const { outcome, replacedBy, fp, at } of presentations) {
			const parent = ladder.at(-1)?.fp;
			if (outcome !== "rotated" || replacedBy === undefined || fp !== parent) continue;
			const sent = spoken.findLast((one) => {
				return one.kind === "spent" && one.fp === fp && one.at <= (at + 1) * 1000;
			});
			if (sent === undefined) throw new Error("a refresh that nobody was seen to send");
			const published = firstAt(PUBLISHED, (one) => one.fp === accessOf.get(replacedBy));
			const told = firstAt(["to-device"], (one) => one.what === "claimed" && one.fp === fp);
			ladder.push({ fp: replacedBy, from: sent.at, parent, seenAt: Math.min(published, told) });
		}
		return ladder;
	});
}
