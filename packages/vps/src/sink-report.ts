/** How each sink fares, in words that travel: to the PC and to the local status. */

import type { PauseReason, PublishState, SinkState } from "@baton/core/publish-state";

export interface SinkReport {
	readonly name: string;
	/**
	 * `current`: holds the newest token. `behind`: about to get it. `failing`: cannot be written,
	 * retried. `foreign`, `logged-out` and `not-ours`: paused until a person acts. `idle`: there is no
	 * token yet. Once a login was revoked, `clearing`, `cleared`, or `kept` for what nothing can clear.
	 */
	readonly state:
		| "current"
		| "behind"
		| "failing"
		| PauseReason
		| "idle"
		| "clearing"
		| "cleared"
		| "kept";
	readonly generation: number | undefined;
	/** Why it fails, never with a secret. */
	readonly trouble: string | undefined;
	/** What a person can do about that. */
	readonly hint?: string;
}

/** What a person can do about a paused sink; it then resumes by itself. */
export function howToResume(sink: string, reason: PauseReason): string {
	switch (reason) {
		case "foreign":
			return `batond adopt ${sink} takes it over; or leave it, or log out there`;
		case "logged-out":
			return "to have it served again, put {} into its .credentials.json";
		case "not-ours":
			return 'move that away, or set "overwrite": true for this sink';
	}
}

/** Whether only a person can have it written again. */
export function isPaused(state: SinkReport["state"]): state is PauseReason {
	return state === "foreign" || state === "logged-out" || state === "not-ours";
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

function clearanceOf({ clearing, trouble }: SinkState): SinkReport["state"] {
	if (clearing === "wanted" || clearing === "begun") {
		return trouble === undefined ? "clearing" : "failing";
	}
	return clearing === "impossible" ? "kept" : "cleared";
}

function stateOf(sink: SinkState, wanted: string | undefined): SinkReport["state"] {
	if (sink.paused !== undefined) return sink.paused;
	if (sink.unwritable !== undefined) return "failing";
	if (sink.clearing !== undefined) return clearanceOf(sink);
	if (wanted === undefined) return "idle";
	if (sink.holds === wanted) return "current";
	return sink.trouble === undefined ? "behind" : "failing";
}
