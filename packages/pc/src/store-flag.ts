/** What `baton handover HOST` needs beside the host's name to look at a certain store. */

import { dedicatedTo, type HostRules, type StoreId } from "@baton/core/handover-state";

/** Empty where it is the store that the host's logins usually come from. */
export function storeFlag(store: StoreId, mode: HostRules["mode"] | undefined): string {
	const isDedicated = dedicatedTo(store) !== undefined;
	if (isDedicated === (mode === "dedicated")) return "";
	return ` --store ${isDedicated ? "dedicated" : "normal"}`;
}
