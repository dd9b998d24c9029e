/** Asks a host, before a person is sent through a browser, whether it could do with a new login. */

import { DEFAULT_TIMING } from "@baton/core/custody-state";
import { formatDuration } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Host } from "@baton/core/handover-state";
import { type Answer, PROTOCOL_VERSION, type StatusAnswer } from "@baton/core/protocol";
import type { HostLink } from "../link/host-link.ts";

/** Why not now, each with what a person may say to have it all the same. */
export type Objection =
	/** It has a login in good order and far from its end. */
	| { readonly why: "healthy"; readonly error: BatonError }
	/** Another login is on its way there. */
	| { readonly why: "busy"; readonly error: BatonError }
	| { readonly why: "unreachable"; readonly error: BatonError };

/**
 * Sends nothing but the question, and changes nothing on either side.
 *
 * @param name the custody on that host
 * @param now wall-clock ms
 */
export async function askHost(
	host: Host,
	name: string,
	link: HostLink,
	now: number,
): Promise<Objection | undefined> {
	try {
		const request = { v: PROTOCOL_VERSION, id: "login", type: "status", name } as const;
		return objectionTo(host, await link.ask({ ...request, holds: [], witness: [] }), now);
	} catch (error) {
		if (error instanceof BatonError) return unreachable(host, error);
		throw error;
	} finally {
		link.close();
	}
}

export function objectionTo(host: Host, answer: Answer, now: number): Objection | undefined {
	if (answer.type === "status") return objectionOf(host, answer, now);
	const reason = "reason" in answer ? answer.reason : undefined;
	const message = reason ?? `it answered with ${answer.type}`;
	return unreachable(host, new BatonError("service-unavailable", message));
}

function objectionOf(host: Host, status: StatusAnswer, now: number): Objection | undefined {
	const { state, deadline, stagedFp } = status;
	const replace = `to replace it all the same: baton login ${host} --replace`;
	if (stagedFp !== undefined || state === "staged" || state === "verifying") {
		const message = `another login is on its way into ${host} already`;
		return { why: "busy", error: new BatonError("declined", message, { hint: replace }) };
	}
	const left = deadline === undefined ? undefined : deadline - now;
	const isWell = state === "held" || state === "refreshing";
	// What the host itself would say, unless its own settings say otherwise.
	if (!isWell || (left !== undefined && left <= DEFAULT_TIMING.renewal)) return undefined;
	const until = left === undefined ? "" : `, and it lasts ${formatDuration(left)} yet`;
	const message = `the login ${host} has is in good order${until}: no other was made`;
	return { why: "healthy", error: new BatonError("declined", message, { hint: replace }) };
}

function unreachable(host: Host, { code, message, hint }: BatonError): Objection {
	const anyway = `to log in now and hand over later: baton login ${host} --anyway`;
	const error = new BatonError(code, `${message}; no login was made`, {
		hint: hint === undefined ? anyway : `${hint}; ${anyway}`,
	});
	return { why: "unreachable", error };
}
