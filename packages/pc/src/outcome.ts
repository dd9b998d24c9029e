/** How what a person asked for came out; also what the watcher tells over its socket. */

import { EXIT, type ExitCode } from "@baton/core/error";
import { HANDOVER_STEPS } from "@baton/core/handover-state";
import * as z from "zod/mini";

const about = {
	host: z.string(),
	/** The login, by its fingerprint. */
	fp: z.optional(z.string()),
};

const step = z.enum(HANDOVER_STEPS);

export const outcomeSchema = z.discriminatedUnion("result", [
	/** Claimed: the host alone may spend it now. */
	z.object({
		...about,
		result: z.literal("handed-over"),
		generation: z.number(),
		/** It came from claude's own place, which is without a login now. */
		leftPcWithout: z.boolean(),
	}),
	/** The next login in the normal store goes to the host. */
	z.object({ ...about, result: z.literal("permit-open") }),
	/** To be offered, durably; nobody follows it. */
	z.object({ ...about, result: z.literal("asked") }),
	/** Turned down before anything was touched. */
	z.object({ ...about, result: z.literal("declined"), reason: z.string() }),
	/** Given back by the host and in the store again. */
	z.object({ ...about, result: z.literal("put-back"), reason: z.string() }),
	/** The PC's own, but in escrow: the store holds another login. */
	z.object({ ...about, result: z.literal("kept"), reason: z.string() }),
	/** Lost: a claim was refused for good, or its reply never came. */
	z.object({ ...about, result: z.literal("spent"), reason: z.optional(z.string()) }),
	/** It was handed over before; the copy found here is disarmed. */
	z.object({ ...about, result: z.literal("copy") }),
	/** No login there to hand over, or none any more. */
	z.object({ ...about, result: z.literal("no-login"), place: z.string() }),
	/** Nothing is on its way to this host. */
	z.object({ ...about, result: z.literal("nothing-under-way") }),
	/** Nobody was asked yet, or no longer: nothing is on its way. */
	z.object({ ...about, result: z.literal("forgotten") }),
	/** No login of this PC goes to the host any more. */
	z.object({ ...about, result: z.literal("permit-closed") }),
	/** Still under way when the time to follow it was over. */
	z.object({
		...about,
		result: z.literal("under-way"),
		step,
		/** Why the host was out of reach, if it was. */
		trouble: z.optional(z.string()),
		hint: z.optional(z.string()),
	}),
]);

export type Outcome = z.output<typeof outcomeSchema>;

export function exitOf(outcome: Outcome): ExitCode {
	switch (outcome.result) {
		case "handed-over":
		case "permit-open":
		case "asked":
		case "nothing-under-way":
		case "forgotten":
		case "permit-closed":
			return EXIT.well;
		case "declined":
		case "copy":
			return EXIT.declined;
		case "put-back":
			return outcome.reason === "withdrawn" || outcome.reason === "forced"
				? EXIT.well
				: EXIT.declined;
		case "spent":
		case "no-login":
			return EXIT.needsLogin;
		case "under-way":
			return EXIT.hostUnreachable;
		case "kept":
			return EXIT.fault;
	}
}
