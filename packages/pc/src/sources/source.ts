/** Where a login lives on this PC: something to look at, and to change under claude's locks. */

import type { Reading } from "@baton/core/credentials-file";
import type { Fingerprint } from "@baton/core/lineage";
import type { ArmedSession } from "@baton/core/session";

export interface Source {
	/** For people: a path, or the name of a keychain entry. */
	readonly place: string;
	/** A look; writes nothing and never fails: what cannot be read is `unreadable`, with the reason. */
	read(): Promise<Reading>;
	/**
	 * Waits for claude's three locks and holds them until `release`.
	 *
	 * @throws BatonError `locked` if they stay with another; `disk-failed` if they cannot be made
	 */
	hold(signal: AbortSignal): Promise<HeldSource>;
}

/** A source whose login nobody else changes for now. Each change is durable on return. */
export interface HeldSource {
	/** @throws what the disk refuses, since nothing may be decided on a look that failed */
	read(): Promise<Reading>;
	/**
	 * Takes the refresh token out of the source, if it still is this one, and keeps what is not the
	 * login's.
	 *
	 * @throws BatonError `bad-credentials` if another login, or none, is there; `locked`, `disk-failed`
	 */
	disarm(fp: Fingerprint): Promise<void>;
	/**
	 * Puts a login where none is.
	 *
	 * @throws BatonError `bad-credentials` if one is there; `locked`, `disk-failed`
	 */
	restore(session: ArmedSession): Promise<void>;
	/** Safe to call twice. */
	release(): Promise<void>;
}
