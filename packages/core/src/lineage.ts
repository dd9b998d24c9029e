/**
 * How a refresh token is named without being shown.
 *
 * A fingerprint is the only form in which a refresh token is logged, compared or remembered. A lineage
 * is one login and every rotation that descends from it; it keeps the name it got from the first
 * refresh token seen, so both ends name it alike after the token itself is long gone.
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import type { Secret } from "./secret.ts";

/** SHA-256 of a token, 64 hex digits. */
export type Fingerprint = string;

/** First 16 hex digits of the fingerprint of the first refresh token seen in a login. */
export type LineageId = string;

/** Every decision compares fingerprints, so each is worked out once for each token. */
const known = new WeakMap<Secret, Fingerprint>();

export function fingerprint(token: Secret): Fingerprint {
	const before = known.get(token);
	if (before !== undefined) return before;
	const made = bytesToHex(sha256(utf8ToBytes(token.reveal())));
	known.set(token, made);
	return made;
}

export function lineageIdOf(first: Fingerprint): LineageId {
	return first.slice(0, 16);
}

/**
 * What the custodian gives a PC with each generation it reports, and wants back with each witness.
 * Without it a stolen device key could claim any generation and so stop the custodian for good.
 *
 * @param key the custodian's own 32 random bytes, hex; made once, never sent
 * @returns HMAC-SHA256 over `lineage.generation`, 64 hex digits
 */
export function generationProof(key: string, lineageId: LineageId, generation: number): string {
	return bytesToHex(hmac(sha256, hexToBytes(key), utf8ToBytes(`${lineageId}.${generation}`)));
}
