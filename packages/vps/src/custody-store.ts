/**
 * Where a custody record lives between two runs: whole, in one encrypted entry of the secret store.
 *
 * The seam for a store that several custodians share: `save` would then compare generations.
 */

import {
	CUSTODY_RECORD_MIGRATIONS,
	CUSTODY_RECORD_VERSION,
	formatRecord,
	parseRecord,
} from "@baton/core/custody-record";
import type { CustodyRecord } from "@baton/core/custody-state";
import { BatonError } from "@baton/core/error";
import type { SecretStore } from "@baton/io/secret-store";
import { decodeState, encodeState, type StateFormat } from "@baton/io/state-file";

export interface CustodyStore {
	/** @throws BatonError `bad-state` for a damaged or newer record, which is left as it is */
	load(name: string): Promise<CustodyRecord | undefined>;
	/** Swaps the record whole; durable on return. @throws BatonError `disk-failed`, `unsafe-path` */
	save(record: CustodyRecord): Promise<void>;
}

const FORMAT: StateFormat<CustodyRecord> = {
	format: "batond-custody",
	version: CUSTODY_RECORD_VERSION,
	migrate: CUSTODY_RECORD_MIGRATIONS,
	// Every fingerprint ever used up is remembered, most of them by 19 bytes each.
	maxBytes: 8 * 1024 * 1024,
	print: (record) => JSON.parse(formatRecord(record)),
	parse: (data) => parseRecord(JSON.stringify(data)),
};

export function custodyStore(secrets: SecretStore): CustodyStore {
	const entryOf = (name: string) => secrets.entry(`custody-${name}`);
	return {
		async load(name) {
			const bytes = await entryOf(name).load();
			if (bytes === undefined) return undefined;
			const record = decodeState(bytes, FORMAT, `the custody record of ${name}`);
			if (record.name === name) return record;
			throw new BatonError("bad-state", `the custody record of ${name} is that of another name`, {
				hint: "nothing was touched; give the files in the state folder back their names",
			});
		},
		save: (record) => entryOf(record.name).save(encodeState(record, FORMAT)),
	};
}
