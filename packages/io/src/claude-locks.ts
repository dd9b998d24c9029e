/**
 * Claude Code's three locks, held so that claude and we never use its login at the same time.
 *
 * Each is an empty folder made with mkdir, touched every 5 s, and always taken in this order:
 * `.oauth_refresh.lock` in claude's folder, `.lock` beside the folder (its real path), and
 * `.storage-write.lock` in it. claude 2.1.330 breaks the first two when they were not touched for
 * 60 s and the third after 15 s, at once and without asking whether their owner lives: whoever holds
 * them must ask `assertHeld` right before it writes. We break one by the rule in `stale-watch.ts` and
 * never that of a process known to live; at once only what `held-locks-record.ts` proves a dead Baton's.
 */
import { mkdirSync, realpathSync, rmdirSync, utimesSync } from "node:fs";
import { join, resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import { ownerLives, type RefreshLocks, removeOwner, writeOwner } from "./claude-lock-owner.ts";
import type { Clock } from "./clock.ts";
import { diskError, errnoOf } from "./disk-error.ts";
import { asides, type FileIdentity, identify, isSame, removeIfSame } from "./file-identity.ts";
import {
	type IsDeadOnes,
	locksOfDead,
	removeHeldLocks,
	writeHeldLocks,
} from "./held-locks-record.ts";
import { StaleWatch } from "./stale-watch.ts";

export interface ClaudeLocksOptions {
	clock: Clock;
	/** The longest wait for all three together, ms; 15 s by default. */
	waitMs?: number;
	/** How often the locks are touched, ms; 5 s by default, claude's own. */
	touchMs?: number;
	/** Age at which another's lock may be abandoned, ms; 60 s by default. */
	staleMs?: number;
	/** How long an old lock is watched besides before it is broken, ms; 12 s by default. */
	graceMs?: number;
	/** Ends the wait, with its reason. */
	signal?: AbortSignal;
}

export interface HeldLocks {
	/** Aborted as soon as a lock is found taken over, as may happen to a machine that slept. */
	readonly lost: AbortSignal;
	/**
	 * Makes sure all three are still ours and touches them: call it right before each write.
	 *
	 * @throws BatonError `locked` if one was taken over; nothing may be written then
	 */
	assertHeld(): void;
}

/** Ms between two tries, and as much again by chance. */
const POLL_MS = 100;

/**
 * Runs `use` under all three locks and releases them in reverse order whatever happens.
 *
 * @param configDir claude's configuration folder, which must exist
 * @throws BatonError `locked` if one stayed held; `disk-failed` if one cannot be made; whatever `use`
 * throws
 */
export async function withClaudeLocks<T>(
	configDir: string,
	options: ClaudeLocksOptions,
	use: (held: HeldLocks) => Promise<T>,
): Promise<T> {
	const names = lockNames(configDir);
	const held = new Held(options.clock, names);
	const stop = new AbortController();
	const touching = held.keepFresh(options.touchMs ?? 5000, stop.signal);
	try {
		await takeAll(names, held, options);
		return await use(held);
	} finally {
		stop.abort();
		await touching;
		held.release();
	}
}

interface LockNames extends RefreshLocks {
	store: string;
}

function lockNames(configDir: string): LockNames {
	const folder = resolve(configDir);
	return {
		folder,
		refresh: join(folder, ".oauth_refresh.lock"),
		legacy: `${realPath(folder)}.lock`,
		store: join(folder, ".storage-write.lock"),
	};
}

function realPath(folder: string): string {
	try {
		return realpathSync(folder);
	} catch {
		return folder;
	}
}

async function takeAll(names: LockNames, held: Held, options: ClaudeLocksOptions): Promise<void> {
	const { clock, waitMs = 15_000, staleMs = 60_000, graceMs = 12_000 } = options;
	const watch = new StaleWatch(clock, { staleMs, graceMs });
	const deadline = clock.monotonic() + waitMs;
	const missing = [names.refresh, names.legacy, names.store];
	let isDeadOnes = locksOfDead(names.folder);
	if (isDeadOnes !== undefined) removeAside(missing, isDeadOnes);
	for (let path = missing[0]; path !== undefined; path = missing[0]) {
		// Remembered, since the record is our own as soon as the first is taken.
		isDeadOnes = locksOfDead(names.folder) ?? isDeadOnes;
		if (held.take(path)) {
			missing.shift();
			continue;
		}
		if (breakDeadOnes(path, isDeadOnes)) continue;
		// All of them, so that two abandoned locks are not waited for one after the other.
		watch.look(missing);
		if (breakAbandoned(path, watch, names)) continue;
		if (clock.monotonic() >= deadline) throw stayedLocked(path, waitMs);
		await clock.sleep(POLL_MS * (1 + clock.random()), options.signal);
		held.assertHeld();
	}
}

function breakAbandoned(path: string, watch: StaleWatch, names: LockNames): boolean {
	const seen = watch.abandoned(path);
	if (seen === undefined || ownerLives(names, path)) return false;
	return breakSeen(path, seen);
}

/** What a Baton was about to remove when it was killed. */
function removeAside(locks: readonly string[], isDeadOnes: IsDeadOnes): void {
	for (const lock of locks) {
		try {
			for (const path of asides(lock)) if (isDeadOnes(lock, path)) rmdirSync(path);
		} catch {
			// It is in nobody's way.
		}
	}
}

function breakDeadOnes(path: string, isDeadOnes: IsDeadOnes | undefined): boolean {
	const seen = isDeadOnes?.(path) ? identify(path) : undefined;
	// Looked at again: what was seen is what was proven.
	return seen !== undefined && isDeadOnes?.(path) === true && breakSeen(path, seen);
}

function breakSeen(path: string, seen: FileIdentity): boolean {
	try {
		return removeIfSame(path, seen);
	} catch (error) {
		throw diskError("cannot break the abandoned lock", path, error);
	}
}

function stayedLocked(path: string, waitMs: number): BatonError {
	return new BatonError("locked", `${path} stayed locked for ${Math.round(waitMs / 1000)} s`, {
		hint: "let claude finish what it does; if none runs, wait a minute and try again",
	});
}

class Held implements HeldLocks {
	readonly #clock: Clock;
	readonly #names: LockNames;
	/** Path and last known identity, in the order taken. */
	readonly #locks = new Map<string, FileIdentity>();
	readonly #lost = new AbortController();

	constructor(clock: Clock, names: LockNames) {
		this.#clock = clock;
		this.#names = names;
	}

	get lost(): AbortSignal {
		return this.#lost.signal;
	}

	/** False if somebody holds it. */
	take(path: string): boolean {
		try {
			mkdirSync(path, { mode: 0o700 });
			const identity = this.#touched(path);
			if (identity === undefined) return false;
			this.#locks.set(path, identity);
		} catch (error) {
			if (errnoOf(error) === "EEXIST") return false;
			if (!this.#isDispensable(path, error)) throw diskError("cannot make the lock", path, error);
		}
		// As claude does: the record vouches for the first two locks, once both are taken.
		if (path === this.#names.legacy) writeOwner(this.#names);
		writeHeldLocks(this.#names.folder, [...this.#locks.keys()]);
		return true;
	}

	assertHeld(): void {
		for (const [path, identity] of this.#locks) this.#touchOwn(path, identity);
		const lost = this.#lost.signal;
		if (lost.aborted) throw lost.reason;
	}

	async keepFresh(touchMs: number, stop: AbortSignal): Promise<void> {
		try {
			for (;;) {
				await this.#clock.sleep(touchMs, stop);
				this.assertHeld();
			}
		} catch {
			// Told to stop, or lost, which `lost` and `assertHeld` say.
		}
	}

	/** A lock that cannot be removed goes stale, as after a crash. */
	release(): void {
		const held = this.#locks.size > 0;
		removeOwner(this.#names);
		for (const [path, identity] of [...this.#locks].reverse()) {
			try {
				removeIfSame(path, identity);
			} catch {}
		}
		this.#locks.clear();
		// Last: whoever is killed in between leaves locks that it still vouches for.
		if (held) removeHeldLocks(this.#names.folder);
	}

	#touchOwn(path: string, identity: FileIdentity): void {
		try {
			const touched = isSame(identify(path), identity) ? this.#touched(path) : undefined;
			if (touched !== undefined) return void this.#locks.set(path, touched);
		} catch {
			// What cannot be looked at cannot be said to be ours.
		}
		this.#lost.abort(
			new BatonError("locked", `another process took over ${path}`, {
				hint: "nothing was written; try again",
			}),
		);
	}

	#touched(path: string): FileIdentity | undefined {
		const seconds = this.#clock.now() / 1000;
		utimesSync(path, seconds, seconds);
		return identify(path);
	}

	/** The folder above may be another user's (as with /data/.claude): claude goes without it too. */
	#isDispensable(path: string, error: unknown): boolean {
		const refused = ["EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "");
		return refused && path === this.#names.legacy;
	}
}
