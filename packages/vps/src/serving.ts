/** One name as it stands at this moment: its custody, and what it gives out or why it gives nothing. */

import type { NameStatus } from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import { nameStatus } from "./name-status.ts";
import { whyNoToken } from "./no-token.ts";

export function statusOf(custodian: Custodian): NameStatus {
	return { ...nameStatus(custodian.view()), ...servingOf(custodian) };
}

function servingOf(custodian: Custodian): Pick<NameStatus, "serves" | "noToken"> {
	const served = custodian.served();
	if (served === undefined) return { noToken: whyNoToken(custodian.view()) };
	const { expiresAt } = served.session;
	return { serves: expiresAt === undefined ? {} : { until: expiresAt } };
}
