/** How the person at this PC hears of things: for now in the log, which a terminal shows as lines. */

import type { Note } from "@baton/core/effect";
import type { PcState } from "@baton/core/handover-state";
import type { Log } from "@baton/io/log";
import { noticeOf } from "./notices.ts";

export function logNote(log: Log, note: Note, state: PcState): void {
	const { fp, host, generation, reason } = note;
	const { level, text, next } = noticeOf(note, state);
	log[level](text, { kind: note.what, fp, host, generation, reason, hint: next });
}
