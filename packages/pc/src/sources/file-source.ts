/**
 * claude's credentials file: `.credentials.json` in its configuration folder, on Linux and Windows, and
 * on macOS where the keychain refuses.
 *
 * What is there is read again right before each change, under the locks, and replaced whole; claude
 * notices a change by the time of last modification alone, so that always differs from before.
 */

import { lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
	disarmEntry,
	type Reading,
	readCredentials,
	removeEntry,
	writeSession,
} from "@baton/core/credentials-file";
import { BatonError } from "@baton/core/error";
import type { Fingerprint } from "@baton/core/lineage";
import type { ArmedSession } from "@baton/core/session";
import { removeDurably, removeLeftovers, writeAtomic } from "@baton/io/atomic-file";
import type { HeldLocks } from "@baton/io/claude-locks";
import type { Clock } from "@baton/io/clock";
import { LEFT_ALONE, readCredentialsText } from "@baton/io/read-credentials";
import { holdLocks } from "./hold-locks.ts";
import type { HeldSource, Source } from "./source.ts";

export interface FileSourceOptions {
	/** claude's configuration folder, absolute. Made when the locks are taken, if it is missing. */
	readonly configDir: string;
	/**
	 * `blank-token` leaves the access token to a running claude until it ends; `remove-entry` is for a
	 * dedicated folder, where nobody uses it.
	 */
	readonly disarmBy: "blank-token" | "remove-entry";
	readonly clock: Clock;
	/** The longest wait for claude's locks, ms. */
	readonly lockWaitMs?: number;
}

export const CREDENTIALS_FILE = ".credentials.json";

const OWNER_ONLY = 0o600;

export function fileSource(options: FileSourceOptions): Source {
	const { configDir, clock, lockWaitMs } = options;
	const file = join(configDir, CREDENTIALS_FILE);
	return {
		place: file,
		async read() {
			try {
				const reading = readCredentials(await readCredentialsText(file));
				if (reading.kind !== "unreadable") return reading;
				return { ...reading, why: `cannot read ${file}: ${reading.why}`, hint: LEFT_ALONE };
			} catch (error) {
				if (!(error instanceof BatonError)) throw error;
				const { message: why, hint = LEFT_ALONE } = error;
				return { kind: "unreadable", why, hint };
			}
		},
		async hold(signal) {
			await mkdir(configDir, { recursive: true, mode: 0o700 });
			const waitMs = lockWaitMs === undefined ? {} : { waitMs: lockWaitMs };
			const hold = await holdLocks(configDir, { clock, signal, ...waitMs });
			await removeLeftovers(file).catch(() => undefined);
			return new HeldFile(file, options, hold.locks, hold.release);
		},
	};
}

class HeldFile implements HeldSource {
	readonly #file: string;
	readonly #options: FileSourceOptions;
	readonly #locks: HeldLocks;
	readonly release: () => Promise<void>;

	constructor(
		file: string,
		options: FileSourceOptions,
		locks: HeldLocks,
		release: () => Promise<void>,
	) {
		this.#file = file;
		this.#options = options;
		this.#locks = locks;
		this.release = release;
	}

	async read(): Promise<Reading> {
		return readCredentials(await readCredentialsText(this.#file));
	}

	async disarm(fp: Fingerprint): Promise<void> {
		const text = await readCredentialsText(this.#file);
		const reading = readCredentials(text);
		if (text === undefined || reading.kind !== "login" || reading.fp !== fp) {
			throw new BatonError("bad-credentials", `${this.#file} no longer holds the login to disarm`);
		}
		const { disarmBy } = this.#options;
		await this.#replace(disarmBy === "remove-entry" ? removeEntry(text) : disarmEntry(text));
	}

	async restore(session: ArmedSession): Promise<void> {
		const text = await readCredentialsText(this.#file);
		if (readCredentials(text).kind !== "blank") {
			throw new BatonError("bad-credentials", `${this.#file} is not blank: it is left as it is`);
		}
		await this.#replace(writeSession(text, session));
	}

	async #replace(text: string | undefined): Promise<void> {
		const before = await lstat(this.#file).catch(() => undefined);
		if (text === undefined) {
			this.#locks.assertHeld();
			return await removeDurably(this.#file);
		}
		const mode = before === undefined ? OWNER_ONLY : before.mode & 0o777;
		const beforeRename = () => this.#locks.assertHeld();
		await writeAtomic(this.#file, text, { mode, laterThanBefore: true, beforeRename });
	}
}
