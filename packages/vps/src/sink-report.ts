/** How each sink fares, in words that travel: to the PC and to the local status. */

import type { PauseReason, PublishState, SinkState } from "@baton/core/decide-publish";

export interface SinkReport {
	readonly name: string;
	/**
	 * `current`: holds the newest token. `behind`: about to get it. `failing`: cannot be written, retried. `foreign` and
	 * `logged-out`: paused until a person acts. `idle`: there is no token yet.
	 */
	readonly state: "current" | "behind" | "failing" | "foreign" | "logged-out" | "idle";
	readonly generation: number | undefined;
	/** Why it fails, never with a secret. */
	readonly trouble: string | undefined;
	/** What a person can do about that. */
	readonly hint?: string;
}

const RESUME = "put {} into its .credentials.json, restart batond";

/** What a person does to have a paused sink written again. */
export function howToResume(reason: PauseReason): string {
	return reason === "foreign" ? `take that login out, ${RESUME}` : `to resume, ${RESUME}`;
}

/** @param hints what can be done about each sink's last failure, by its name */
export function sinkReports(
	{ sinks, token }: PublishState,
	hints: ReadonlyMap<string, string | undefined>,
): SinkReport[] {
	return Object.entries(sinks).map(([name, sink]) => {
		const trouble = sink.trouble ?? sink.unwritable;
		const hint = trouble === undefined ? undefined : hints.get(name);
		return {
			name,
			state: stateOf(sink, token?.accessFp),
			generation: sink.generation,
			trouble,
			...(hint === undefined ? {} : { hint }),
		};
	});
}

function stateOf(sink: SinkState, wanted: string | undefined): SinkReport["state"] {
	if (sink.paused !== undefined) return sink.paused;
	if (sink.unwritable !== undefined) return "failing";
	if (wanted === undefined) return "idle";
	if (sink.holds === wanted) return "current";
	return sink.trouble === undefined ? "behind" : "failing";
}
