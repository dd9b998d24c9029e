/** How each sink fares, in words that travel: to the PC and to the local status. */

import type { PauseReason, PublishState, SinkState } from "@baton/core/decide-publish";

export interface SinkReport {
	readonly name: string;
	/**
	 * `current`: holds the newest token. `behind`: about to get it. `failing`: retried. `foreign` and
	 * `logged-out`: paused until a person acts. `idle`: there is no token yet.
	 */
	readonly state: "current" | "behind" | "failing" | "foreign" | "logged-out" | "idle";
	readonly generation: number | undefined;
	/** Why it fails, never with a secret. */
	readonly trouble: string | undefined;
}

const RESUME = "put {} into its .credentials.json, restart batond";

/** What a person does to have a paused sink written again. */
export function howToResume(reason: PauseReason): string {
	return reason === "foreign" ? `take that login out, ${RESUME}` : `to resume, ${RESUME}`;
}

export function sinkReports({ sinks, token }: PublishState): SinkReport[] {
	return Object.entries(sinks).map(([name, sink]) => ({
		name,
		state: stateOf(sink, token?.accessFp),
		generation: sink.generation,
		trouble: sink.trouble,
	}));
}

function stateOf(sink: SinkState, wanted: string | undefined): SinkReport["state"] {
	if (sink.paused !== undefined) return sink.paused;
	if (wanted === undefined) return "idle";
	if (sink.holds === wanted) return "current";
	return sink.trouble === undefined ? "behind" : "failing";
}
