/** One name's custody as plain facts: what `batond status` shows. */

import {
	type CustodyRecord,
	intentAt,
	type Lineage,
	NO_RETRY,
	type Past,
} from "@baton/core/custody-state";
import { lossEvidence } from "@baton/core/loss-evidence";
import { probeMemory } from "@baton/core/plan-custody";
import type { LossReason } from "@baton/core/protocol";
import { isSealed } from "@baton/core/staged-login";
import type { NameStatus } from "./control-message.ts";
import type { CustodyView } from "./custodian.ts";

export function nameStatus(view: CustodyView): NameStatus {
	const { record, sinks, nextAt } = view;
	const { name, current, staged } = record;
	const lineage = current ?? staged;
	const need = needOf(view);
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
					...known("warnedDays", lineage.warned?.days),
					...(probeMemory(view, lineage).dead ? { accessRefused: true as const } : {}),
					...(lineage.session.kind === "setup-token" ? { setupToken: true as const } : {}),
				}),
		...(view.run.asked === undefined ? {} : { asked: true as const }),
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
		...(isWaitingForPc(view) ? { waitsForPc: true as const } : {}),
		...known("pcAwaitedUntil", view.pcAwaitedUntil),
		...(need === undefined ? {} : { need }),
		...evidenceOf(record),
		...claimRefused(record),
		...notRevoked(record),
		...attempts(view),
		sinks,
		...waitsForSinks(view),
		...troubleFacts(view),
	};
}

/** What only a person can mend; nothing while a login is being claimed. */
function needOf({ record, run }: CustodyView): LossReason | undefined {
	const { current, staged } = record;
	const sealed = staged !== undefined && isSealed(staged);
	const isUnderWay = staged !== undefined && !sealed;
	if (isUnderWay && (isOurs(staged) || run.armed === staged.firstFp)) return undefined;
	const lineage = current ?? (sealed ? staged : undefined);
	if (lineage === undefined) return "none-yet";
	const { phase } = lineage;
	if (phase.name === "needs-login") return phase.reason;
	if (phase.name === "revoking") return "logged-out";
	return phase.name === "rolled-back" ? "rolled-back" : undefined;
}

function evidenceOf(record: CustodyRecord): Pick<NameStatus, "evidence"> {
	const evidence = lossEvidence(record);
	return evidence === undefined ? {} : { evidence };
}

/** The newest login that came to nothing at its claim, unless another was claimed or has arrived since. */
function claimRefused({ past, staged }: CustodyRecord): Pick<NameStatus, "claimRefused"> {
	if (staged !== undefined) return {};
	const ends = Object.values(past).filter(({ was }) => was === "spent" || was === "claimed");
	const last = ends.reduce<Past | undefined>(
		(newest, one) => (newest === undefined || one.at >= newest.at ? one : newest),
		undefined,
	);
	if (last?.was !== "spent") return {};
	const { lineageId, at, reason } = last;
	return { claimRefused: { lineageId, at, ...(reason === undefined ? {} : { reason }) } };
}

function notRevoked({ current }: CustodyRecord): Pick<NameStatus, "notRevoked"> {
	const why = current?.phase.name === "needs-login" ? current.phase.notRevoked : undefined;
	return why === undefined ? {} : { notRevoked: why };
}

function troubleFacts({ trouble, unsaved }: CustodyView) {
	if (trouble === undefined) return {};
	const { reason, hint } = trouble;
	return {
		trouble: reason,
		...(hint === undefined ? {} : { troubleHint: hint }),
		...(unsaved ? { unsaved: true as const } : {}),
	};
}

/** The last look found sinks that cannot be written, and the refresh or claim has not been sent since. */
function waitsForSinks({ run: { sinks } }: CustodyView): Pick<NameStatus, "waitsForSinks"> {
	if (sinks === undefined || sinks.all) return {};
	return { waitsForSinks: sinks.any ? "all" : "one" };
}

/** Found staged when the service started: claimed only once the PC delivers it again. */
function isWaitingForPc({ record: { staged }, run }: CustodyView): boolean {
	if (staged === undefined || isOurs(staged) || isSealed(staged)) return false;
	return run.armed !== staged.firstFp;
}

/** Claimed, or perhaps: no PC is waited for any more. */
function isOurs({ phase }: Lineage): boolean {
	return phase.name === "verifying" || intentAt(phase) !== undefined;
}

/** What stands between this custody and the provider, of the login that fares worse. */
function attempts({ record, run }: CustodyView) {
	const role = run.refreshRetry.current.failures > 0 ? "current" : "staged";
	const lineage = record[role];
	const { failures, why: refusal } = lineage === undefined ? NO_RETRY : run.refreshRetry[role];
	const unnamed = unnamedLogin(record);
	const unanswered = unnamed === undefined ? 0 : probeMemory({ run }, unnamed).silent;
	return {
		failures,
		...(failures === 0 || refusal === undefined ? {} : { refusal }),
		...(unanswered === 0 ? {} : { unanswered }),
	};
}

/** A login of which the provider has yet to say whose it is. */
function unnamedLogin({ staged }: CustodyRecord): Lineage | undefined {
	return staged?.account === undefined ? staged : undefined;
}

function known<K extends string>(key: K, value: number | undefined) {
	return value === undefined ? {} : ({ [key]: value } as Record<K, number>);
}
