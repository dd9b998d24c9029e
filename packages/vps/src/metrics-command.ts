/** `batond metrics`: the service's figures, as Prometheus and its textfile collector read them. */

import { EXIT } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { MetricsAnswer } from "./control-message.ts";
import type { Said } from "./said.ts";

/** Changes nothing. @throws BatonError `service-unavailable` */
export async function metrics(stateFolder: string, clock: Clock): Promise<Said> {
	const answer = await askService(stateFolder, { v: 1, type: "metrics" }, clock);
	return { stdout: (answer as MetricsAnswer).text, stderr: "", code: EXIT.well };
}
