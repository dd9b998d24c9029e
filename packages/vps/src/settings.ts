/**
 * `batond.json`: who the provider is, how and when to refresh, and which sinks each name has. Every
 * part has a default; with no file at all the service runs and serves `batond token`.
 */

import { DEFAULT_NAME } from "@baton/core/custody-name";
import { type CustodyRules, DEFAULT_TIMING, type Timing } from "@baton/core/custody-state";
import { MINUTE, parseDuration, SECOND } from "@baton/core/duration";
import { VARIABLE_NAME } from "@baton/core/env-file";
import { BatonError } from "@baton/core/error";
import { CLAUDE_PROVIDER } from "@baton/core/oauth";
import { CLAUDE_REVOKE_URL, type RevokingProvider } from "@baton/core/revocation";
import { parseTemplate } from "@baton/core/sink-template";
import * as z from "zod/mini";
import { proxyFault } from "./proxy-address.ts";

/** `"90s"`, `"10m"`, `"2h"`, `"7d"`, `"250ms"`; read as milliseconds. */
const duration = z.pipe(
	z.string().check(
		z.regex(/^\s*\d+(\.\d+)?(ms|s|m|h|d)\s*$/, "not a duration"),
		z.refine((text) => parseDuration(text) !== undefined, "not a duration"),
	),
	z.transform((text) => parseDuration(text) ?? 0),
);

/** HTTPS, or plain HTTP to this very machine. */
const address = z
	.string()
	.check(z.maxLength(2048), z.refine(isSafeAddress, "not an https address"));

const folder = z.string().check(z.regex(/^(\/|~\/)/, "not an absolute path"));

const file = folder.check(z.regex(/[^/]$/, "not a file"));

const providerSchema = z.strictObject({
	tokenUrl: z._default(address, CLAUDE_PROVIDER.tokenUrl),
	profileUrl: z._default(address, CLAUDE_PROVIDER.profileUrl),
	revokeUrl: z._default(address, CLAUDE_REVOKE_URL),
	clientId: z._default(
		z.string().check(z.minLength(1), z.maxLength(200)),
		CLAUDE_PROVIDER.clientId,
	),
	body: z._default(z.enum(["json", "form"]), CLAUDE_PROVIDER.body),
	/** Without it, what `HTTPS_PROXY` says; `"none"` for none whatever that says. */
	proxy: z.optional(
		z.string().check(
			z.refine((text) => text === "none" || proxyFault(text) === undefined, {
				error: ({ input }) => proxyFault(String(input)) ?? "",
			}),
		),
	),
	/** `user:password` for that proxy, in a file of its own. */
	proxyCredentials: z.optional(file),
	/** Certificates in PEM that are trusted as well. */
	ca: z.optional(file),
});

const timingSchema = z.strictObject({
	requestLimit: z._default(
		duration.check(z.refine((ms) => ms >= SECOND, "less than a second")),
		DEFAULT_TIMING.requestLimit,
	),
	deadConfirm: z._default(duration, DEFAULT_TIMING.deadConfirm),
	lastCall: z._default(duration, DEFAULT_TIMING.lastCall),
	lateTry: z._default(duration, DEFAULT_TIMING.lateTry),
	witnessWait: z._default(duration, DEFAULT_TIMING.witnessWait),
	reservation: z._default(duration, DEFAULT_TIMING.reservation),
	renewal: z._default(duration, DEFAULT_TIMING.renewal),
	fresh: z._default(duration, DEFAULT_TIMING.fresh),
	lookAtSinks: z._default(
		duration.check(z.refine((ms) => ms >= 100, "less than 100 ms")),
		DEFAULT_TIMING.lookAtSinks,
	),
});

/** `"0600"`: its owner can read it, and nobody else can write it. Read as a number. */
const mode = z.pipe(
	z.string().check(z.regex(/^0?[46][04][04]$/, 'not a mode such as "0600" or "0640"')),
	z.transform((text) => Number.parseInt(text, 8)),
);

const template = z.string().check(
	z.refine((text) => templateFault(text) === undefined, {
		error: ({ input }) => templateFault(String(input)) ?? "",
	}),
);

const keptFile = {
	path: file,
	mode: z._default(mode, 0o600),
	/** What is there and was never written by us may be written over. */
	overwrite: z._default(z.boolean(), false),
};

const sinkSchema = z.discriminatedUnion("type", [
	z.strictObject({ type: z.literal("claude-code"), configDir: folder }),
	z.strictObject({
		type: z.literal("exec"),
		/** Program and arguments; no shell. */
		command: z.array(z.string()).check(z.minLength(1)),
		timeout: z._default(duration, 30 * SECOND),
	}),
	z.strictObject({
		type: z.literal("env-file"),
		...keptFile,
		variable: z._default(
			z.string().check(z.regex(VARIABLE_NAME, "not a variable's name")),
			"CLAUDE_CODE_OAUTH_TOKEN",
		),
	}),
	z
		.strictObject({
			type: z.literal("template"),
			...keptFile,
			template: z.optional(template),
			/** Read into `template` as the settings are. */
			templateFile: z.optional(file),
		})
		.check(
			z.refine(
				(sink) => (sink.template === undefined) !== (sink.templateFile === undefined),
				"it needs either template or templateFile",
			),
		),
]);

/** Long enough for a mail, short enough for a person who waits for a test message. */
const sending = z._default(
	duration.check(z.refine((ms) => ms >= SECOND && ms <= MINUTE, "not from 1s to 1m")),
	15 * SECOND,
);

/** How warnings leave this machine. */
const outletSchema = z.discriminatedUnion("type", [
	z.strictObject({
		type: z.literal("exec"),
		/** Program and arguments; no shell. */
		command: z.array(z.string()).check(z.minLength(1)),
		timeout: sending,
	}),
	z.strictObject({
		type: z.literal("webhook"),
		url: address,
		/** A header whose value is a secret, kept in a file of its own. */
		header: z.optional(
			z.strictObject({
				name: z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/, "not a header's name")),
				file,
			}),
		),
		timeout: sending,
	}),
]);

const word = z.string().check(z.regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, "not a name"));

const nameSchema = z.strictObject({ sinks: z._default(z.record(word, sinkSchema), {}) });

export const settingsSchema = z.strictObject({
	/** For editors. */
	$schema: z.optional(z.string()),
	provider: z._default(providerSchema, providerSchema.parse({})),
	engine: z._default(z.enum(["auto", "claude-cli", "http"]), "auto"),
	/** The official claude, for `claude-cli`. */
	claude: z.optional(file),
	refresh: z._default(
		z.strictObject({ before: z.optional(duration), every: z.optional(duration) }),
		{},
	),
	timing: z._default(timingSchema, DEFAULT_TIMING),
	/** Served on 127.0.0.1 if there is a port. */
	metrics: z.optional(z.strictObject({ port: z.int().check(z.minimum(1), z.maximum(65_535)) })),
	names: z._default(z.record(word, nameSchema), { [DEFAULT_NAME]: { sinks: {} } }),
	/** By whom people hear of what they must see to. */
	warnings: z._default(z.record(word, outletSchema), {}),
});

export type Settings = z.output<typeof settingsSchema>;
export type ProviderSettings = Settings["provider"];
export type NameSettings = z.output<typeof nameSchema>;
export type SinkSettings = z.output<typeof sinkSchema>;
export type OutletSettings = z.output<typeof outletSchema>;

export function rulesOf({ refresh, timing }: Settings): CustodyRules {
	return { policy: { before: refresh.before, every: refresh.every }, timing };
}

export function providerOf({ provider }: Settings, version: string): RevokingProvider {
	const { tokenUrl, profileUrl, revokeUrl, clientId, body } = provider;
	return { tokenUrl, profileUrl, revokeUrl, clientId, body, userAgent: `baton/${version}` };
}

function templateFault(text: string): string | undefined {
	try {
		parseTemplate(text);
		return undefined;
	} catch (error) {
		return error instanceof BatonError ? error.message : "not a template";
	}
}

function isSafeAddress(text: string): boolean {
	if (!URL.canParse(text)) return false;
	const { protocol, hostname, username, password } = new URL(text);
	if (username !== "" || password !== "") return false;
	if (protocol === "https:") return true;
	return protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
}

// Timing is the core's own type: this fails to compile when one grows past the other.
true satisfies Timing extends z.output<typeof timingSchema> ? true : false;
