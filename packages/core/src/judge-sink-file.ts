/**
 * What may be written over what: a pure look at the credentials file a consumer on the VPS reads.
 *
 * A person may log in or out there by hand. Their login is never overwritten, and their logout is
 * never undone without a word.
 */

import type { Reading } from "./credentials-file.ts";
import { type Fingerprint, fingerprint } from "./lineage.ts";

export type SinkFileVerdict =
	/** It holds this very access token and no refresh token: leave it alone. */
	| { readonly kind: "same" }
	/** Nothing of worth is there, or something of ours. */
	| { readonly kind: "write" }
	/** A refresh token that lives, or lived, in custody: a copy came back. Write over it. */
	| { readonly kind: "disarm"; readonly fp: Fingerprint }
	/** Somebody's own login: step back. */
	| { readonly kind: "foreign"; readonly fp: Fingerprint }
	/** We wrote it, and it is gone: a person logged out there. */
	| { readonly kind: "logged-out" }
	/** Not readable as what it should be. */
	| { readonly kind: "unreadable"; readonly why: string };

export interface SinkFileFacts {
	readonly reading: Reading;
	readonly exists: boolean;
	/** Whether we have written this file before, as far as is remembered durably. */
	readonly written: boolean;
	/** The access token it should hold; undefined while there is none. */
	readonly accessFp: Fingerprint | undefined;
	/** Whether a refresh token's fingerprint is one that was ever in custody here. */
	readonly isKnown: (fp: Fingerprint) => boolean;
}

export function judgeSinkFile(facts: SinkFileFacts): SinkFileVerdict {
	const { reading } = facts;
	switch (reading.kind) {
		case "unreadable":
			return { kind: "unreadable", why: reading.why };
		case "login":
			return facts.isKnown(reading.fp)
				? { kind: "disarm", fp: reading.fp }
				: { kind: "foreign", fp: reading.fp };
		case "blank":
			if (facts.written && !facts.exists) return { kind: "logged-out" };
			return holds(reading.session?.accessToken, facts.accessFp)
				? { kind: "same" }
				: { kind: "write" };
	}
}

function holds(
	token: Parameters<typeof fingerprint>[0] | undefined,
	accessFp: Fingerprint | undefined,
): boolean {
	return token !== undefined && fingerprint(token) === accessFp;
}
