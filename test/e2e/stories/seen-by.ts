import { existsSync, readFileSync } from "node:fs";
import { fingerprintOf } from "../../parts/token-ledger.ts";
import type { Stage } from "./stage.ts";

/** Whether the watcher has looked at the PC's own store since this refresh token is in it. */
export function seenBy({ pc }: Stage, refreshToken: string): boolean {
	if (!existsSync(pc.recordFile)) return false;
	const { data } = JSON.parse(readFileSync(pc.recordFile, "utf8")) as {
		data: { stores: Record<string, { fp?: string }> };
	};
	return data.stores.normal?.fp === fingerprintOf(refreshToken);
}
