/**
 * A place on the PC where claude keeps a login, with claude's locks. What is in it was renamed into
 * place by claude, by Baton, or by the world (a backup, a sync, a snapshot).
 */

import type { Reading } from "@baton/core/credentials-file";
import { SECOND } from "@baton/core/duration";
import { fingerprint } from "@baton/core/lineage";
import type { ArmedSession, Session } from "@baton/core/session";

export interface Content {
	readonly session: Session | undefined;
	/** Put there by the world; what claude spends from it is not Baton's doing. */
	readonly restored: boolean;
}

export const EMPTY: Content = { session: undefined, restored: false };

export interface Lock {
	readonly owner: "claude" | "baton";
	readonly isAlive: () => boolean;
	/** Last touched, true time ms; a living owner that is awake touches it all the time. */
	touchedAt: number;
}

/** A lock untouched for so long may be broken if its owner is gone. */
const STALE_MS = 60 * SECOND;

export class Store {
	content: Content = EMPTY;
	lock: Lock | undefined;
	onChange: () => void = () => undefined;

	write(content: Content): void {
		this.content = content;
		this.onChange();
	}

	get refreshToken(): string | undefined {
		return this.content.session?.refreshToken?.reveal();
	}

	read(): Reading {
		const { session } = this.content;
		if (session?.refreshToken === undefined) return { kind: "blank", session };
		const armed: ArmedSession = { ...session, refreshToken: session.refreshToken };
		return { kind: "login", session: armed, fp: fingerprint(armed.refreshToken) };
	}

	/** @param breaksTheLiving the fault of breaking a lock whose owner only sleeps */
	acquire(lock: Lock, now: number, breaksTheLiving = false): boolean {
		const held = this.lock;
		const stale = held !== undefined && now - held.touchedAt >= STALE_MS;
		if (held !== undefined && !(stale && (!held.isAlive() || breaksTheLiving))) return false;
		this.lock = lock;
		return true;
	}

	release(lock: Lock | undefined): void {
		if (lock !== undefined && this.lock === lock) this.lock = undefined;
	}
}
