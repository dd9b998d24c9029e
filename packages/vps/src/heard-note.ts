/** A note on its way to the log and the audit log. */

import type { Note } from "@baton/core/effect";

export interface HeardNote extends Note {
	/** The sink it is about. */
	readonly sink?: string;
	/** The next step a person can take. */
	readonly hint?: string;
}
