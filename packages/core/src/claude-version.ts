/** Which claude may be trusted with a refresh. */

/** What the engine was tested with. Older ones leave less behind to tell how a refresh ended. */
export const OLDEST_CLAUDE = "2.1.330";

/** @param text what `claude --version` prints: `2.1.330 (Claude Code)` */
export function claudeVersion(text: string): string | undefined {
	return /^\s*(\d+\.\d+\.\d+)[-+.\w]* \(Claude Code\)\s*$/.exec(text)?.[1];
}

/** From the oldest one on, and before the next major version, which may do anything otherwise. */
export function isRecentClaude(version: string): boolean {
	const [[major = 0, ...rest], [known = 0, ...least]] = [parts(version), parts(OLDEST_CLAUDE)];
	if (major !== known) return false;
	const differing = rest.findIndex((part, index) => part !== least[index]);
	return differing < 0 || (rest[differing] ?? 0) > (least[differing] ?? 0);
}

function parts(version: string): number[] {
	return version.split(".").map(Number);
}
