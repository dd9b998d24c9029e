/**
 * The folder of one refresh by claude: everything about it, and nothing of another one. Its name is the
 * fingerprint of the refresh token that was given to claude there, so what lies in it is known to be what
 * became of that token, whoever looks and however late.
 *
 *     FINGERPRINT/run.json    what was begun, and as which process
 *     FINGERPRINT/claude/     claude's configuration folder, with the login
 *     FINGERPRINT/claude.log  what it logs; it keeps tokens out of that
 *     FINGERPRINT/claude.lock claude's own lock beside it, if it is at it or was killed
 */

import { randomBytes } from "node:crypto";
import { lstat, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CREDENTIALS_MAX_BYTES, writeSession } from "@baton/core/credentials-file";
import { MINUTE } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { type Fingerprint, fingerprint } from "@baton/core/lineage";
import type { ArmedSession } from "@baton/core/session";
import { writeAtomic } from "@baton/io/atomic-file";
import { diskError, errnoOf } from "@baton/io/disk-error";
import { makePrivateFolder, syncFolder } from "@baton/io/private-folder";
import { readSmall } from "@baton/io/read-small";
import { CREDENTIALS_FILE } from "../sinks/sink-place.ts";
import { parseRunRecord, type RunRecord } from "./run-record.ts";

/** claude refreshes what has five minutes left or less. */
const CLOSE = MINUTE;
const RECORD_MAX_BYTES = 16 * 1024;
/** So little is without it: a login that claude takes for one it can refresh. */
const NEEDED_SCOPE = "user:inference";
/** Spares it the questions to a newcomer. */
const CLAUDES_SETTINGS = `${JSON.stringify({ hasCompletedOnboarding: true })}\n`;

export class RunFolder {
	readonly path: string;
	/** claude's configuration folder. */
	readonly config: string;
	readonly log: string;

	constructor(base: string, fp: Fingerprint) {
		this.path = join(base, fp);
		this.config = join(this.path, "claude");
		this.log = join(this.path, "claude.log");
	}

	/**
	 * A new one, with the login in it as claude would have it, close to its end. Durable once this
	 * resolves; until then the record does not say that claude was started.
	 *
	 * @throws BatonError `disk-failed`, `unsafe-path`
	 */
	async make(session: ArmedSession, now: number): Promise<RunRecord> {
		await makePrivateFolder(this.path);
		const closeEnd = now + CLOSE;
		const record: RunRecord = {
			v: 1,
			access: fingerprint(session.accessToken),
			closeEnd,
			state: "prepared",
			at: now,
		};
		await this.note(record);
		await makePrivateFolder(this.config);
		await writeAtomic(join(this.config, ".claude.json"), CLAUDES_SETTINGS);
		const login = writeSession(undefined, { ...session, ...fitFor(session), expiresAt: closeEnd });
		await writeAtomic(join(this.config, CREDENTIALS_FILE), login);
		return record;
	}

	/** @throws BatonError `disk-failed` */
	async note(record: RunRecord): Promise<void> {
		await writeAtomic(join(this.path, "run.json"), JSON.stringify(record));
	}

	/**
	 * What was noted: `none` if nothing was begun here, `damaged` if it cannot be told.
	 *
	 * @throws BatonError `disk-failed` if the disk does not say
	 */
	async record(): Promise<RunRecord | "none" | "damaged"> {
		if (!(await exists(this.path))) return "none";
		const bytes = await readSmall(join(this.path, "run.json"), { maxBytes: RECORD_MAX_BYTES });
		// It is written before anything else.
		if (bytes === undefined) return "none";
		return parseRunRecord(bytes.toString("utf8")) ?? "damaged";
	}

	/**
	 * claude's credentials file, and what it wrote beside it to rename; undefined for what is missing or
	 * no text. Its file comes first.
	 *
	 * @throws BatonError `disk-failed` if the disk does not say
	 */
	async files(): Promise<(string | undefined)[]> {
		const beside = (await namesIn(this.config)).filter((name) =>
			name.startsWith(`${CREDENTIALS_FILE}.`),
		);
		const paths = [CREDENTIALS_FILE, ...beside].map((name) => join(this.config, name));
		return await Promise.all(paths.map(textOf));
	}

	/** Undefined if there is none, or more than a refresh would write. */
	async logged(): Promise<string | undefined> {
		return await textOf(this.log);
	}

	/**
	 * Durably. First it is renamed, so that a crash leaves it whole or under a name that nobody looks for.
	 *
	 * @throws BatonError `disk-failed`
	 */
	async remove(): Promise<void> {
		if (!(await exists(this.path))) return;
		const gone = `${this.path}.${randomBytes(4).toString("hex")}${GONE}`;
		try {
			await rename(this.path, gone);
			await removeTree(gone);
			await syncFolder(dirname(this.path));
		} catch (error) {
			throw diskError("cannot remove", this.path, error);
		}
	}
}

/** What is there but is no plain file of reasonable size is not claude's, and holds nothing. */
async function textOf(path: string): Promise<string | undefined> {
	try {
		const bytes = await readSmall(path, { maxBytes: CREDENTIALS_MAX_BYTES });
		return bytes?.toString("utf8");
	} catch (error) {
		if (error instanceof BatonError && error.code === "unsafe-path") return undefined;
		throw error;
	}
}

const GONE = ".gone";

/**
 * The fingerprints of all refreshes that have left a folder. What a removal left is removed.
 *
 * @throws BatonError `disk-failed`
 */
export async function runFolders(base: string): Promise<Fingerprint[]> {
	const names = await namesIn(base);
	for (const name of names.filter((one) => one.endsWith(GONE))) {
		await removeTree(join(base, name));
	}
	return names.filter((name) => /^[0-9a-f]{64}$/.test(name));
}

/** claude takes a login without this scope for none at all. */
function fitFor({ scopes }: ArmedSession): Pick<ArmedSession, "scopes"> {
	return { scopes: scopes.includes(NEEDED_SCOPE) ? scopes : [NEEDED_SCOPE, ...scopes] };
}

async function removeTree(path: string): Promise<void> {
	try {
		await rm(path, { recursive: true, force: true });
	} catch (error) {
		throw diskError("cannot remove", path, error);
	}
}

async function namesIn(folder: string): Promise<string[]> {
	try {
		return await readdir(folder);
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return [];
		throw diskError("cannot list", folder, error);
	}
}

async function exists(path: string): Promise<boolean> {
	try {
		await lstat(path);
		return true;
	} catch (error) {
		if (errnoOf(error) === "ENOENT") return false;
		throw diskError("cannot look at", path, error);
	}
}
