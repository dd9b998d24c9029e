/** What stands between a custody and its provider: nothing that a person could mend, but good to know. */

import type { CustodyRecord, Lineage, Role, Run } from "./custody-state.ts";
import { probeMemory } from "./plan-custody.ts";

interface Custody {
	readonly record: CustodyRecord;
	readonly run: Run;
}

/**
 * @returns `out of reach`, how a refresh is being refused, or `unanswered` while the provider does not
 * say whose a delivered login is; undefined if all is well
 */
export function providerTrouble({ record, run }: Custody, role: Role): string | undefined {
	const lineage = record[role];
	if (lineage === undefined) return undefined;
	const { failures, why } = run.refreshRetry[role];
	if (failures > 0) return why;
	return isUnnamed(role, lineage) && probeMemory({ run }, lineage).silent > 0
		? "unanswered"
		: undefined;
}

function isUnnamed(role: Role, { account }: Lineage): boolean {
	return role === "staged" && account === undefined;
}
