/** `batond token`: the access token on standard output and nothing else there. */

import { formatDuration } from "@baton/core/duration";
import { EXIT, type ExitCode } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { askService } from "./ask-service.ts";
import type { ControlAnswer, NoTokenReason } from "./control-message.ts";
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
	if (answer.type !== "token") return noToken(answer, options);
	const { accessToken, expiresAt, generation, setupToken } = answer;
	const left = expiresAt === undefined ? Number.POSITIVE_INFINITY : expiresAt - clock.now();
	if (left < minValidMs) {
		const facts = { ok: false, name, state: "expiring", expiresAt, setupToken };
		const ends = `for ${name} ends in ${formatDuration(left)}`;
		const why = setupToken
			? `the setup token ${ends}, and is never refreshed\n`
			: `the access token ${ends}\n`;
		const code = setupToken ? EXIT.needsLogin : EXIT.refreshDue;
		return { stdout: json ? jsonLine(facts) : "", stderr: why, code };
	}
	const facts = { ok: true, name, accessToken, expiresAt, generation, setupToken };
	return { stdout: json ? jsonLine(facts) : `${accessToken}\n`, stderr: "", code: EXIT.well };
}

interface Reason {
	readonly words: string;
	readonly next: string;
	readonly code: ExitCode;
}

const LATER = "it is tried again by itself; to see how it fares: batond status";

const REASONS: Readonly<Record<NoTokenReason, Reason>> = {
	"needs-login": {
		words: "it needs a login",
		next: "batond status",
		code: EXIT.needsLogin,
	},
	"out-of-reach": {
		words: "the login is held, but the provider is out of reach",
		next: LATER,
		code: EXIT.providerUnreachable,
	},
	refused: {
		words: "the login is held, but the provider refuses for now",
		next: LATER,
		code: EXIT.providerUnreachable,
	},
	unanswered: {
		words: "the provider has yet to say whose account the login is",
		next: LATER,
		code: EXIT.providerUnreachable,
	},
	waiting: {
		words: "the login is here, and the provider has yet to answer",
		next: LATER,
		code: EXIT.providerUnreachable,
	},
	sinks: {
		words: "nothing is refreshed while a sink cannot be written",
		next: "batond status names the sink",
		code: EXIT.fault,
	},
	"not-saved": {
		words: "the service cannot save its state",
		next: "batond status says why",
		code: EXIT.fault,
	},
};

function noToken(
	answer: Exclude<ControlAnswer, { type: "token" | "refused" }>,
	{ name, json }: TokenOptions,
): Said {
	const { state, reason } = answer.type === "no-token" ? answer : UNKNOWN;
	const { words, next, code } = REASONS[reason];
	const facts = { ok: false, name, state, reason };
	const why = `no access token for ${name}: ${words}\nnext: ${next}\n`;
	return { stdout: json ? jsonLine(facts) : "", stderr: why, code };
}

const UNKNOWN = { state: "unknown", reason: "needs-login" } as const;
