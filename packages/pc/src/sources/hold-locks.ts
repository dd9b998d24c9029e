/** claude's locks held from one effect to a later one, where `withClaudeLocks` holds them for a call. */

import { type ClaudeLocksOptions, type HeldLocks, withClaudeLocks } from "@baton/io/claude-locks";

export interface LocksHold {
	readonly locks: HeldLocks;
	/** Resolves when all three are let go. Safe to call twice. */
	release(): Promise<void>;
}

/** @throws BatonError what `withClaudeLocks` throws before it has all three */
export function holdLocks(configDir: string, options: ClaudeLocksOptions): Promise<LocksHold> {
	return new Promise((resolve, reject) => {
		const done = withClaudeLocks(configDir, options, (locks) => {
			return new Promise<void>((letGo) => {
				const release = async () => {
					letGo();
					await done;
				};
				resolve({ locks, release });
			});
		});
		// After the locks were had, this has no effect.
		done.catch(reject);
	});
}
