/** What a command may say, and where; `main.ts` gives it the real streams. */

import type { LogStream } from "@baton/io/log";

export interface Terminal {
	/** A line of a result, to standard output. */
	out(line: string): void;
	/** A line of anything else, to standard error. */
	err(line: string): void;
	/** Where the log goes. */
	readonly log: LogStream;
	/** Columns of the terminal; 80 where there is none. */
	readonly columns: number;
}
