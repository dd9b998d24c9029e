/** claude's refresh lock in a folder, as a claude would hold it that is busy there, or one that was killed. */
import { existsSync, mkdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";

const REFRESH_LOCK = ".oauth_refresh.lock";

/** @returns what lets it go */
export function holdClaudeLock(configFolder: string): () => void {
	const lock = join(configFolder, REFRESH_LOCK);
	mkdirSync(configFolder, { recursive: true, mode: 0o700 });
	mkdirSync(lock);
	return () => rmSync(lock, { recursive: true });
}

/** Those of claude's three locks that are there. */
export function locksIn(configFolder: string): string[] {
	const all = [
		join(configFolder, REFRESH_LOCK),
		`${configFolder}.lock`,
		join(configFolder, ".storage-write.lock"),
	];
	return all.filter((lock) => existsSync(lock));
}

/** A minute goes by for the locks that a killed program left: nobody has touched them since. */
export function letLocksAge(configFolder: string): void {
	const before = Date.now() / 1000 - 61;
	for (const lock of locksIn(configFolder)) utimesSync(lock, before, before);
}
