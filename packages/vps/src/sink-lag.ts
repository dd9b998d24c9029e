/** How far a sink lags behind the token that is given out. */

import type { NameStatus } from "./control-message.ts";
import type { SinkReport } from "./sink-report.ts";

/** Ms since there has been a token that this sink does not hold; 0 if there is none. */
export function lagOf(
	{ serves, rotatedAt }: NameStatus,
	{ state }: SinkReport,
	now: number,
): number {
	if (state === "current" || serves === undefined || rotatedAt === undefined) return 0;
	return Math.max(0, now - rotatedAt);
}
