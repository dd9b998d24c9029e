/** One name's custody as plain facts: what `batond status` shows. */

import type { LossReason } from "@baton/core/protocol";
import type { NameStatus } from "./control-message.ts";
import type { CustodyView } from "./custodian.ts";

export function nameStatus({ record, run, sinks, trouble, nextAt }: CustodyView): NameStatus {
	const { name, current, staged } = record;
	const lineage = current ?? staged;
	const need = needOf(record);
	return {
		name,
		state: lineage?.phase.name ?? "none",
		...(lineage === undefined
			? {}
			: {
					lineageId: lineage.lineageId,
					generation: lineage.generation,
					device: lineage.device,
					rotatedAt: lineage.obtainedAt,
					...known("accessUntil", lineage.session.expiresAt),
					...known("deadline", lineage.session.deadline),
				}),
		...(Number.isFinite(nextAt) ? { nextAt } : {}),
		...(current === undefined || staged === undefined
			? {}
			: {
					staged: {
						lineageId: staged.lineageId,
						device: staged.device,
						state: staged.phase.name,
					},
				}),
		...(need === undefined ? {} : { need }),
		failures: run.refreshRetry[current === undefined ? "staged" : "current"].failures,
		sinks,
		...(trouble === undefined ? {} : { trouble }),
	};
}

function needOf({ current, staged }: CustodyView["record"]): LossReason | undefined {
	if (current === undefined) return staged === undefined ? "none-yet" : undefined;
	const { phase } = current;
	if (phase.name === "needs-login") return phase.reason;
	return phase.name === "rolled-back" ? "rolled-back" : undefined;
}

function known<K extends string>(key: K, value: number | undefined) {
	return value === undefined ? {} : ({ [key]: value } as Record<K, number>);
}
