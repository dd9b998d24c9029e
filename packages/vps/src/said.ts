/** What a command has to say, and the code to end with: only `main.ts` prints and exits. */

import type { ExitCode } from "@baton/core/error";

export interface Said {
	readonly stdout: string;
	readonly stderr: string;
	readonly code: ExitCode;
}

/** The one line that `--json` ends with. */
export function jsonLine(facts: object): string {
	return `${JSON.stringify(facts)}\n`;
}
