/** Who has a host's login, as far as this PC knows: from its own record and the host's last word. */

import type { Handover, HostMemory } from "@baton/core/handover-state";
import type { StatusAnswer } from "@baton/core/protocol";

/** Who may spend the login: the host, nobody while in transit, or nobody as far as is known. */
export type Holder = "host" | "in-transit" | "nobody" | "unknown";

/** The host has told of this very login that it has claimed it, before its receipt came here. */
function isVerifying({ status }: HostMemory, { lineageId }: Handover): boolean {
	return status?.state === "verifying" && status.lineageId === lineageId;
}

const HOLDING: readonly (StatusAnswer["state"] | undefined)[] = [
	"held",
	"refreshing",
	"in-doubt",
	"suspect",
	"rolled-back",
];

/** While a new login is in transit to it, the host still has the one before. */
export function hasEarlier({ status }: HostMemory, handovers: readonly Handover[]): boolean {
	const taken = handovers.filter(({ step }) => step === "taken");
	return (
		taken.length > 0 &&
		HOLDING.includes(status?.state) &&
		status?.lineageId !== undefined &&
		taken.every(({ lineageId }) => lineageId !== status.lineageId)
	);
}

export function holderOf(memory: HostMemory, handovers: readonly Handover[]): Holder {
	const { status } = memory;
	if (handovers.some((one) => one.step === "taken" && !isVerifying(memory, one)))
		return "in-transit";
	if (handovers.some(({ step }) => step === "claimed")) return "host";
	switch (status?.state) {
		case undefined:
			return "unknown";
		case "none":
		case "needs-login":
			return "nobody";
		case "staged":
			return "in-transit";
		default:
			return "host";
	}
}

/** A login is staged there that is none of this PC's hand-overs. */
export function isFromElsewhere({ status }: HostMemory, handovers: readonly Handover[]): boolean {
	return status?.state === "staged" && !handovers.some(({ step }) => step === "taken");
}
