/** What an engine has to know of a record before it removes what it has left behind. */

import { type CustodyRecord, intentAt } from "@baton/core/custody-state";
import type { Durable } from "./engines/engine.ts";

export function durableOf(record: CustodyRecord): Durable {
	const { current, staged, past } = record;
	const held = [current, staged].filter((one) => one !== undefined);
	const isNewest = (fp: string) => held.some((one) => one.fp === fp);
	return {
		isNewest,
		isOpen: (fp) => held.some((one) => one.fp === fp && intentAt(one.phase) !== undefined),
		knows: (fp) => isNewest(fp) || past[fp] !== undefined,
	};
}
