/** Why there is no access token to be given out just now: who has to act, a person or time. */

import { isOutOfReach } from "@baton/core/provider-trouble";
import type { NoTokenReason } from "./control-message.ts";
import type { CustodyView } from "./custodian.ts";
import { nameStatus } from "./name-status.ts";

export function whyNoToken(view: CustodyView): NoTokenReason {
	const { state, need, waitsForPc, failures, refusal, unanswered, trouble } = nameStatus(view);
	if (trouble !== undefined) return "not-saved";
	// A login that waits for its PC does not count yet.
	if (need !== undefined || (waitsForPc && state === "staged")) return "needs-login";
	if (view.run.sinkRetry.failures > 0) return "sinks";
	if (failures > 0) return isOutOfReach(refusal) ? "out-of-reach" : "refused";
	return unanswered === undefined ? "waiting" : "unanswered";
}
