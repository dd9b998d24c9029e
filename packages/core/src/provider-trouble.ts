/** What stands between a custody and its provider: nothing that a person could mend, but good to know. */

import type { CustodyRecord, Lineage, Role, Run } from "./custody-state.ts";
import { probeMemory } from "./plan-custody.ts";

/** Whether the last refresh never left, by why it failed; else the provider itself refused it. */
export function isOutOfReach(why: string | undefined): boolean {
	return why === "out of reach" || why === "proxy" || why === "certificate";
}

interface Custody {
	readonly record: CustodyRecord;
	readonly run: Run;
}

/**
 * @returns why the provider is out of reach, how a refresh is being refused, or `unanswered` while the provider does not
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
