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

/** A minute goes by for the locks that a killed program left: nobody has touched them since. */
export function letLocksAge(configFolder: string): void {
	const before = Date.now() / 1000 - 61;
	const locks = [
		join(configFolder, REFRESH_LOCK),
		`${configFolder}.lock`,
		join(configFolder, ".storage-write.lock"),
	];
	for (const lock of locks) if (existsSync(lock)) utimesSync(lock, before, before);
}
