/**
 * What `baton handover`, `take-back` and `status` say to a running `baton watch`: one request a
 * connection, then news lines until the last one. No secret passes here in either direction.
 */

import * as z from "zod/mini";
import { outcomeSchema } from "../outcome.ts";

/** Both are far above what any message needs. Bytes. */
export const MESSAGE_MAX_BYTES = 64 * 1024;

const v = z.literal(1);
const host = z.string().check(z.maxLength(63));

export const requestSchema = z.discriminatedUnion("type", [
	z.object({
		v,
		type: z.literal("handover"),
		host,
		store: z.enum(["normal", "dedicated"]),
		replace: z.boolean(),
		/** Not what the store holds now, but the next login in it. */
		nextLogin: z.boolean(),
		/** Tell how it goes to its end, instead of returning once it is durable. */
		follow: z.boolean(),
	}),
	z.object({ v, type: z.literal("take-back"), host, force: z.boolean() }),
	z.object({ v, type: z.literal("status") }),
]);

export type ControlRequest = z.output<typeof requestSchema>;
export type HandoverRequest = Extract<ControlRequest, { type: "handover" }>;
export type TakeBackRequest = Extract<ControlRequest, { type: "take-back" }>;

const liveSchema = z.object({
	pid: z.int(),
	/** What keeps a host from being reached, by its name, and what can be done. */
	links: z.record(z.string(), z.object({ why: z.string(), next: z.optional(z.string()) })),
	/** Why a store cannot be read, by its place. */
	stores: z.record(z.string(), z.string()),
	/** Why the state, or a login, cannot be written. */
	trouble: z.optional(z.string()),
});

/** What only the running process knows. */
export type LiveFacts = z.output<typeof liveSchema>;

export const replySchema = z.discriminatedUnion("type", [
	z.object({ type: z.literal("news"), text: z.string() }),
	/** Nothing new, but still at it. */
	z.object({ type: z.literal("waiting") }),
	z.object({ type: z.literal("done"), outcomes: z.array(outcomeSchema) }),
	z.object({ type: z.literal("status"), live: liveSchema }),
	z.object({
		type: z.literal("failed"),
		code: z.string(),
		message: z.string(),
		hint: z.optional(z.string()),
	}),
]);

export type ControlReply = z.output<typeof replySchema>;
