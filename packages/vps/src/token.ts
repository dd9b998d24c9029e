/** `batond token`: the access token on standard output and nothing else there. */

import { formatDuration } from "@baton/core/duration";
import { EXIT } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import { jsonLine, type Said } from "./said.ts";

export interface TokenOptions {
	readonly stateFolder: string;
	readonly name: string;
	/** The least that must be left of its life, ms. */
	readonly minValidMs: number;
	readonly json: boolean;
	readonly clock: Clock;
}

/** @throws BatonError `service-unavailable`; `usage` for an unknown name */
export async function token(options: TokenOptions): Promise<Said> {
	const { stateFolder, name, minValidMs, json, clock } = options;
	const answer = await askService(stateFolder, { v: 1, type: "token", name }, clock);
	if (answer.type !== "token") {
		const state = answer.type === "no-token" ? answer.state : "unknown";
		const facts = { ok: false, name, state };
		const why = `no access token for ${name}: ${state}\nnext: batond status\n`;
		return { stdout: json ? jsonLine(facts) : "", stderr: why, code: EXIT.needsLogin };
	}
	const { accessToken, expiresAt, generation } = answer;
	const left = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - clock.now();
	if (left < minValidMs) {
		const facts = { ok: false, name, state: "expiring", expiresAt };
		const why = `the access token for ${name} ends in ${formatDuration(left)}\n`;
		return { stdout: json ? jsonLine(facts) : "", stderr: why, code: EXIT.refreshDue };
	}
	const facts = { ok: true, name, accessToken, expiresAt, generation };
	return { stdout: json ? jsonLine(facts) : `${accessToken}\n`, stderr: "", code: EXIT.well };
}
