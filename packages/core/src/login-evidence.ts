/** What a store shows of a login that was in it before. */

import { isSameLogin } from "./classify-login.ts";
import type { Reading } from "./credentials-file.ts";
import { dedicatedTo, type Handover } from "./handover-state.ts";
import { fingerprint } from "./lineage.ts";

/** The access token we left in the file shows our hand; a dedicated folder is nobody else's. */
export function showsOurDisarm(handover: Handover, reading: Reading): boolean {
	if (reading.kind !== "blank") return false;
	if (dedicatedTo(handover.store) !== undefined) return true;
	const left = reading.session?.accessToken;
	return left !== undefined && fingerprint(left) === handover.accessFp;
}

/** A rotation of this very login, by claude. */
export function descends(handover: Handover, reading: Reading): boolean {
	return reading.kind === "login" && isSameLogin(handover, reading.session);
}
