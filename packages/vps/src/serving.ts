/** What a name gives out at this moment, or why it gives nothing. */

import type { NameStatus } from "./control-message.ts";
import type { Custodian } from "./custodian.ts";
import { whyNoToken } from "./no-token.ts";

export function servingOf(custodian: Custodian): Pick<NameStatus, "serves" | "noToken"> {
	const served = custodian.served();
	if (served === undefined) return { noToken: whyNoToken(custodian.view()) };
	const { expiresAt } = served.session;
	return { serves: expiresAt === undefined ? {} : { until: expiresAt } };
}
