/** What became of the logins in a host's own folder: read from its file and from the PC's record. */

import type { Reading } from "@baton/core/credentials-file";
import {
	dedicatedStore,
	type Handover,
	type Host,
	type PcRecord,
} from "@baton/core/handover-state";
import { type Fingerprint, lineageIdOf } from "@baton/core/lineage";
import type { Outcome } from "../outcome.ts";

/** What one look shows. */
export interface Look {
	readonly reading: Reading;
	readonly record: PcRecord;
}

/** Where a login for the host stands that is there before another is asked for. */
export type There = "in-folder" | "under-way" | "own" | "none";

const UNDER_WAY: readonly Handover["step"][] = ["taking", "taken", "claimed", "putting-back"];

/** `own`: it lies there, but was declined or taken back. */
export function whatIsThere(host: Host, { reading, record }: Look): There {
	const store = dedicatedStore(host);
	const isOf = (one: Handover) => one.store === store && one.host === host;
	if (record.handovers.some((one) => isOf(one) && UNDER_WAY.includes(one.step))) return "under-way";
	if (reading.kind !== "login") return "none";
	return record.known[reading.fp]?.was === undefined ? "in-folder" : "own";
}

/**
 * What has come of the login that claude was to make, with a watcher that may have been quicker than
 * this look: `here` if it is still to be handed over or followed.
 */
export type Appeared = "here" | "nothing" | Outcome;

export function whatAppeared(host: Host, before: Look, after: Look): Appeared {
	const old = fingerprintsOf(host, before);
	const { reading, record } = after;
	if (reading.kind === "login" && !old.has(reading.fp)) return "here";
	const handover = handoversFrom(host, record).find(({ fp }) => !old.has(fp));
	if (handover !== undefined) return ofHandover(host, handover);
	const known = Object.entries(record.known).find(([fp, one]) => one.host === host && !old.has(fp));
	if (known === undefined) return "nothing";
	const [fp, { was, reason }] = known;
	if (was === "own") {
		return reason === undefined
			? { result: "forgotten", host, fp }
			: { result: "declined", host, fp, reason };
	}
	if (was === "in-custody") return { result: "copy", host, fp };
	const generation = record.hosts[host]?.witness[lineageIdOf(fp)]?.generation ?? 1;
	return { result: "handed-over", host, fp, generation, leftPcWithout: false };
}

function ofHandover(host: Host, { fp, step, reason }: Handover): Appeared {
	if (step === "sealed" || step === "discarding") {
		return { result: "spent", host, fp, ...(reason === undefined ? {} : { reason }) };
	}
	return step === "kept" ? { result: "kept", host, fp, reason: reason ?? "unsure" } : "here";
}

function handoversFrom(host: Host, { handovers }: PcRecord): Handover[] {
	return handovers.filter((one) => one.host === host && one.store === dedicatedStore(host));
}

/** Every login of this host that is no news. */
function fingerprintsOf(host: Host, { reading, record }: Look): Set<Fingerprint> {
	return new Set([
		...Object.keys(record.known),
		...handoversFrom(host, record).map(({ fp }) => fp),
		...(reading.kind === "login" ? [reading.fp] : []),
	]);
}
