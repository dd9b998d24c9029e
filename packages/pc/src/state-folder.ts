/** What lies where below the state folder, 0700. */

import { join } from "node:path";
import { dedicatedTo, type Host, type StoreId } from "@baton/core/handover-state";

export interface StatePlaces {
	readonly folder: string;
	/** The record; no secret. */
	readonly record: string;
	/** Logins in transit, encrypted. */
	readonly escrow: string;
	/** The folder of a host's own logins, as `CLAUDE_CONFIG_DIR` for claude. */
	login(host: Host): string;
}

export function statePlaces(folder: string): StatePlaces {
	return {
		folder,
		record: join(folder, "pc.json"),
		escrow: join(folder, "escrow"),
		login: (host) => join(folder, "logins", host),
	};
}

/** claude's configuration folder for a store. */
export function configDirOf(store: StoreId, places: StatePlaces, claudeDir: string): string {
	const host = dedicatedTo(store);
	return host === undefined ? claudeDir : places.login(host);
}
