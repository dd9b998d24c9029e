/** What happens to the publication of access tokens, and what it asks for. */

import type { ServedToken } from "./custody-state.ts";
import type { Decision, Note } from "./effect.ts";
import type { Fingerprint } from "./lineage.ts";
import type { Clearance, PauseReason, PublishState, SinkLook } from "./publish-state.ts";

export type PublishEvent =
	/** Durable by now: whoever sends this has persisted first. */
	| { readonly type: "token"; readonly token: ServedToken }
	| { readonly type: "written"; readonly sink: string; readonly access: Fingerprint }
	| {
			readonly type: "failed";
			readonly sink: string;
			readonly access: Fingerprint;
			readonly why: string;
			readonly random: number;
	  }
	| {
			readonly type: "stepped-back";
			readonly sink: string;
			readonly access: Fingerprint;
			readonly reason: PauseReason;
	  }
	/** It was looked at whether it can be written; `why` if it cannot. */
	| { readonly type: "proved"; readonly sink: string; readonly why: string | undefined }
	| {
			readonly type: "looked";
			readonly sink: string;
			/** The token it was expected to hold. */
			readonly access: Fingerprint | undefined;
			readonly seen: SinkLook;
	  }
	/** No sink is to hold anything of ours. */
	| { readonly type: "clear" }
	| { readonly type: "cleared"; readonly sink: string; readonly how: Clearance }
	| {
			readonly type: "clear-failed";
			readonly sink: string;
			readonly why: string;
			readonly random: number;
	  }
	| { readonly type: "tick" };

export type SinkNote = Note & { readonly sink: string };

export type PublishEffect =
	/** Started; the outcome comes back as `written`, `failed` or `stepped-back`. */
	| { readonly type: "write-sink"; readonly sink: string; readonly token: ServedToken }
	/** Started; what it shows comes back as `looked`. */
	| {
			readonly type: "look-at-sink";
			readonly sink: string;
			readonly token: ServedToken | undefined;
	  }
	/** Started; the outcome comes back as `cleared` or `clear-failed`. */
	| { readonly type: "clear-sink"; readonly sink: string }
	/** Tell custody that nothing older is in use any more. */
	| { readonly type: "confirm"; readonly access: Fingerprint }
	| SinkNote;

export type PublishDecision = Decision<PublishState, PublishEffect>;

export function sinkNote(
	level: Note["level"],
	sink: string,
	what: string,
	reason?: string,
): SinkNote {
	return { type: "note", level, what, sink, ...(reason === undefined ? {} : { reason }) };
}
