import type { Lineage } from "./custody-state.ts";
import { parseEntry } from "./session.ts";

/** A lineage for tests: held, and like any other but for what they say of it. */
export function madeUpLineage(more: Partial<Lineage> = {}): Lineage {
	return {
		lineageId: "a1".repeat(8),
		firstFp: "a".repeat(64),
		fp: "b".repeat(64),
		session: parseEntry({ accessToken: "CANARY-access", refreshToken: "CANARY-refresh" }),
		generation: 1,
		obtainedAt: 0,
		jitter: 0,
		device: "laptop",
		account: undefined,
		erasedAt: undefined,
		imported: undefined,
		warned: undefined,
		askedToWait: undefined,
		phase: { name: "held" },
		...more,
	};
}
