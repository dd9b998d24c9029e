/** What the effects of a hand-over act upon; a test or the demo may put others in their place. */

import type { Note } from "@baton/core/effect";
import type { BatonError } from "@baton/core/error";
import type { Host, PcRecord, PcState, StoreId } from "@baton/core/handover-state";
import type { Clock } from "@baton/io/clock";
import type { Escrow } from "./escrow.ts";
import type { HostLink } from "./link/host-link.ts";
import type { Source } from "./sources/source.ts";

export interface HandoverPorts {
	/** Time, and the chance that rides in events. */
	readonly clock: Clock;
	readonly escrow: Escrow;
	/** Durable on return. @throws BatonError `disk-failed`, `unsafe-path` */
	persist(record: PcRecord): Promise<void>;
	source(store: StoreId): Source;
	link(host: Host): HostLink;
	/** Hears every note in its order, once all that precedes it is done. */
	onNote(note: Note, state: PcState): void;
	/** A store cannot be read: said once for each reason. */
	onUnreadable(store: StoreId, why: string, hint: string | undefined): void;
	/** The record cannot be written for now, or, with undefined, can be again. */
	onTrouble(trouble: BatonError | undefined): void;
}
