/**
 * `config.json`: this device, where claude keeps its login, and the hosts. A field that is missing has
 * the default named here; one that is unknown is refused.
 */

import { DEFAULT_NAME } from "@baton/core/custody-name";
import { MINUTE, parseDuration, SECOND } from "@baton/core/duration";
import type { PcRules } from "@baton/core/handover-state";
import * as z from "zod/mini";
import { DEFAULT_LINK_LIMITS } from "./link/ssh-settings.ts";

/** `"90s"`, `"10m"`, `"2h"`, `"7d"`, `"250ms"`; read as milliseconds. */
const duration = z.pipe(
	z.string("must be a time such as 90s, 10m or 2h").check(
		z.refine((text) => parseDuration(text) !== undefined, {
			error: "must be a time such as 90s, 10m or 2h",
		}),
	),
	z.transform((text) => parseDuration(text) ?? 0),
);

function atLeast(ms: number, said: string) {
	return duration.check(z.refine((value) => value >= ms, { error: `must be ${said} or more` }));
}

/** A name that is also a folder's name and a word on a command line. */
const word = z
	.string("must be text")
	.check(
		z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "must be letters, digits, dots and dashes only"),
	);

const custodyName = z
	.string("must be text")
	.check(z.regex(/^[a-z0-9][a-z0-9._-]{0,31}$/, "must be small letters, digits, dots and dashes"));

const path = z
	.string("must be a path")
	.check(z.regex(/^(\/|~\/|[A-Za-z]:[\\/])/, "must be an absolute path, or start with ~/"));

const hostSchema = z.strictObject(
	{
		/** A name or an IP address. */
		address: z
			.string("must be the host's name or IP address")
			.check(z.regex(/^[A-Za-z0-9:][A-Za-z0-9.:%_-]{0,254}$/, "is no name or IP address")),
		port: z._default(
			z
				.int("must be a number from 1 to 65535")
				.check(z.minimum(1, "must be 1 or more"), z.maximum(65_535, "must be 65535 or less")),
			22,
		),
		user: z
			.string("must be the account's name there")
			.check(z.regex(/^[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}$/, "is no name of an account")),
		/** The pinned key's fingerprint, as `ssh-keygen -l` prints it. */
		hostKey: z
			.string("must be the host key's fingerprint, SHA256:…")
			.check(
				z.regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "must be SHA256: and 43 characters: ssh-keygen -l"),
			),
		hostKeyType: z._default(
			z.enum(
				["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"],
				"must be ssh-ed25519, ecdsa-sha2-nistp256 or ssh-rsa",
			),
			"ssh-ed25519",
		),
		/** This device's ed25519 private key, in OpenSSH's format and without a passphrase. */
		identity: path,
		/** The name of the custody on that host. */
		name: z._default(custodyName, DEFAULT_NAME),
		login: z._default(
			z.enum(["dedicated", "follow-login"], "must be dedicated or follow-login"),
			"dedicated",
		),
		/** Whether the host's own need opens a permit for the next login on this PC. */
		followLogin: z._default(
			z.enum(["when-needed", "when-asked"], "must be when-needed or when-asked"),
			"when-needed",
		),
	},
	"must be an object",
);

const linkSchema = z.strictObject(
	{
		connect: z._default(atLeast(SECOND, "1s"), DEFAULT_LINK_LIMITS.connect),
		request: z._default(atLeast(SECOND, "1s"), DEFAULT_LINK_LIMITS.request),
		idle: z._default(duration, DEFAULT_LINK_LIMITS.idle),
		total: z._default(atLeast(SECOND, "1s"), DEFAULT_LINK_LIMITS.total),
	},
	"must be an object",
);

export const settingsSchema = z.strictObject(
	{
		/** A file may say by what schema an editor should check it. */
		$schema: z.optional(z.string()),
		/** How this PC is called in notices and on the host; the host name unless given. */
		device: z.optional(word),
		/** claude's configuration folder; `CLAUDE_CONFIG_DIR` or `~/.claude` unless given. */
		claudeDir: z.optional(path),
		/** The official claude, for `baton login`; the first one on the PATH unless given. */
		claude: z.optional(path),
		hosts: z._default(z.record(word, hostSchema, "must be an object of hosts by name"), {}),
		/** Between two questions to a host that has nothing to do. */
		statusEvery: z._default(atLeast(SECOND, "1s"), 15 * MINUTE),
		/** Between two looks at each store, whether or not its folder told of a change. */
		reconcileEvery: z._default(atLeast(100, "100ms"), MINUTE),
		/** Time limits of a connection to a host. */
		link: z._default(linkSchema, DEFAULT_LINK_LIMITS),
	},
	"must be an object",
);

export type Settings = z.output<typeof settingsSchema>;

export const KNOWN_KEYS = {
	settings: Object.keys(settingsSchema.shape),
	host: Object.keys(hostSchema.shape),
	link: Object.keys(linkSchema.shape),
} as const;

export function pcRules({ hosts, statusEvery }: Settings): PcRules {
	const rules = Object.entries(hosts).map(([host, { name, login: mode, followLogin }]) => [
		host,
		{ name, mode, followLogin },
	]);
	return { hosts: Object.fromEntries(rules), timing: { statusEvery } };
}
