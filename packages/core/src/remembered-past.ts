/**
 * What became of fingerprints, remembered for ever in a space that stays small.
 *
 * Each rotation retires a fingerprint, which no later time may accept or spend again. What became of it
 * in detail is asked for while its login, or the PC it came from, may still turn up; after that all that
 * counts is that it is used up, and for this the first 16 of its digits do. A new login that begins with
 * the same ones would be declined, and another be asked for: with 100,000 remembered the chance of that
 * is one in 10^14.
 */

import type { CustodyRecord, Past } from "./custody-state.ts";
import { DAY } from "./duration.ts";
import type { Fingerprint } from "./lineage.ts";

/** Three times as long as a login usually lives, ms. */
export const FADES_AFTER = 100 * DAY;
const FADED_DIGITS = 16;
/** Some 170 years at four rotations a day, in 5 MB; then the oldest go, of logins as old. */
const FADED_MAX = 250_000;
/** No device can fill the record with what it delivers or withdraws: the oldest give way. */
const DETAILED_MAX = 1_000;

/** Whether a refresh token of this fingerprint was spent, here or on its way here. */
export function isUsedUp({ past, faded }: Remembered, fp: Fingerprint): boolean {
	const was = past[fp]?.was;
	return was === "claimed" || was === "retired" || was === "spent" || hasFaded({ faded }, fp);
}

/** It is used up, and no more than that is known. */
export function hasFaded({ faded }: Pick<Remembered, "faded">, fp: Fingerprint): boolean {
	return faded.includes(fp.slice(0, FADED_DIGITS));
}

type Remembered = Pick<CustodyRecord, "past" | "faded">;

/** The record with no more detail than it needs; itself if that is so already. */
export function withinBounds(record: CustodyRecord, now: number): CustodyRecord {
	const fading = fadingOf(record.past, now);
	const dropped = oldest(record.past, isTombstone);
	if (fading.size + dropped.length === 0) return record;
	const gone = new Set([...fading, ...dropped]);
	const past = Object.fromEntries(Object.entries(record.past).filter(([fp]) => !gone.has(fp)));
	const faded = [...record.faded, ...[...fading].map((fp) => fp.slice(0, FADED_DIGITS))];
	return { ...record, past, faded: faded.slice(-FADED_MAX) };
}

/** One that was claimed stays as it is: there are few, and its PC may ask however late. */
function fadingOf(past: CustodyRecord["past"], now: number): Set<Fingerprint> {
	const old = Object.entries(past).filter(
		([, was]) => (was.was === "retired" || was.was === "spent") && now - was.at > FADES_AFTER,
	);
	return new Set([...old.map(([fp]) => fp), ...oldest(past, ({ was }) => was === "spent")]);
}

/**
 * A tombstone may be given up: what it keeps out, a Deliver whose offer is long past, is also kept out
 * by its nonce.
 */
function isTombstone({ was }: Past): boolean {
	return was === "withdrawn" || was === "not-taken";
}

/** Those of a kind that are too many, in the order they came. */
function oldest(past: CustodyRecord["past"], isOfKind: (was: Past) => boolean): Fingerprint[] {
	const all = Object.entries(past).filter(([, was]) => isOfKind(was));
	return all.slice(0, Math.max(0, all.length - DETAILED_MAX)).map(([fp]) => fp);
}
