/**
 * The systemd user unit of the service, as text.
 *
 * A user's own service manager has few rights, so the sandbox has three sizes: `full` needs user
 * namespaces, which some kernels and containers refuse; `filters` needs none; `none` is for commands that
 * want more rights than they were started with, as `sudo` does.
 */

import { SECOND } from "./duration.ts";

export type Sandbox = "full" | "filters" | "none";

export interface UnitFacts {
	/** Program and arguments of the service; the program absolute. */
	readonly command: readonly string[];
	readonly sandbox: Sandbox;
	/** Why the sandbox is not a larger one, a line each. */
	readonly reasons: readonly string[];
	/** Folders that are written although they lie where the `full` sandbox forbids it. */
	readonly writable: readonly string[];
	/** Nothing the service is set up for lies in `/tmp` or `/var/tmp`. */
	readonly privateTmp: boolean;
	/** A file is given a group of the user's other than its first. */
	readonly changesGroups: boolean;
	/** The longest that a refresh may be under way, ms. */
	readonly requestLimit: number;
	/** An encrypted credential to be given to the service: its name, and the file's absolute path. */
	readonly credential: { readonly name: string; readonly file: string } | undefined;
	/** Of systemd, as in 252. */
	readonly systemdVersion: number;
}

/** The first line, by which a unit that was written here is known. */
export const UNIT_MARK = "# Written by `batond unit`, which writes it anew.";

/** A stop lets a refresh that is under way end, save and publish; what it is given beyond that, ms. */
const LAST_STEPS = 30 * SECOND;
/** A loop of the service comes round once a minute at least. */
const WATCHDOG = 180 * SECOND;

export function serviceUnit(facts: UnitFacts): string {
	return [
		UNIT_MARK,
		"# Changes of your own belong in a drop-in: systemctl --user edit batond",
		...facts.reasons.map((reason) => `# ${oneLine(reason)}`),
		"",
		"[Unit]",
		"Description=batond, custodian of a Claude Code login",
		"# What a restart cannot mend for an hour, a full disk perhaps, it may mend after two.",
		"StartLimitIntervalSec=0",
		"",
		"[Service]",
		...life(facts),
		...credential(facts),
		"",
		"# No tokens in core dumps, and no file that others can read.",
		"LimitCORE=0",
		"UMask=0077",
		...sandboxOf(facts),
		"",
		"[Install]",
		"WantedBy=default.target",
		"",
	].join("\n");
}

function life({ command, requestLimit, systemdVersion }: UnitFacts): string[] {
	return [
		"Type=notify",
		"# Node cannot notify by itself: systemd-notify does.",
		"NotifyAccess=all",
		"Environment=PATH=%h/.local/bin:/usr/local/bin:/usr/bin:/bin",
		`ExecStart=${command.map(commandWord).join(" ")}`,
		"# Outside of the sandbox: systemd cannot bring a second program into its namespaces.",
		"ExecReload=+/bin/kill -HUP $MAINPID",
		"Restart=on-failure",
		"# Wrong settings wait for a person.",
		"RestartPreventExitStatus=2",
		...(systemdVersion >= 254
			? ["RestartSec=10", "RestartSteps=5", "RestartMaxDelaySec=300"]
			: ["RestartSec=30"]),
		"# Fed while the custody goes on; at once, and with no core dump, if it does not.",
		`WatchdogSec=${WATCHDOG / SECOND}`,
		"WatchdogSignal=SIGKILL",
		"# A refresh that is under way may end and be saved; one by claude outlives the service.",
		`TimeoutStopSec=${Math.ceil((requestLimit + LAST_STEPS) / SECOND)}`,
		"KillMode=process",
		"# The kernel may end claude where memory is short: that is no end of the service.",
		"OOMPolicy=continue",
	];
}

function credential({ credential: given }: UnitFacts): string[] {
	if (given === undefined) return [];
	return [`LoadCredentialEncrypted=${given.name}:${escaped(given.file)}`];
}

/**
 * By system call filters alone; they go with `NoNewPrivileges`. Node's `os.networkInterfaces` wants netlink
 * sockets, but neither batond nor claude asks for them.
 */
const FILTERS = [
	"NoNewPrivileges=yes",
	"KeyringMode=private",
	"LockPersonality=yes",
	"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
	"RestrictNamespaces=yes",
	"RestrictRealtime=yes",
	"RestrictSUIDSGID=yes",
	"SystemCallArchitectures=native",
	"SystemCallFilter=@system-service",
	"SystemCallFilter=~@privileged @resources",
	"SystemCallErrorNumber=EPERM",
];

/**
 * By namespaces of its own. Not among them: `ProtectHome`, since sinks lie there, and files to import;
 * `ProtectProc`, since a lock's living owner would look dead.
 */
const NAMESPACES = [
	"PrivateUsers=yes",
	"CapabilityBoundingSet=",
	"PrivateDevices=yes",
	"PrivateIPC=yes",
	"PrivateMounts=yes",
	"ProtectClock=yes",
	"ProtectControlGroups=yes",
	"ProtectHostname=yes",
	"ProtectKernelLogs=yes",
	"ProtectKernelModules=yes",
	"ProtectKernelTunables=yes",
	"ProtectSystem=full",
];

export type SandboxNeeds = Pick<UnitFacts, "changesGroups" | "privateTmp" | "writable">;

/** `key=value` each, as a unit or `systemd-run --property` takes them. */
export function sandboxProperties(
	sandbox: Sandbox,
	{ changesGroups, privateTmp, writable }: SandboxNeeds,
): string[] {
	if (sandbox === "none") return [];
	const filters = changesGroups ? [...FILTERS, "SystemCallFilter=@chown"] : FILTERS;
	if (sandbox === "filters") return filters;
	const paths = writable.map((path) => `ReadWritePaths=${quoted(`-${path}`)}`);
	return [...filters, ...NAMESPACES, ...(privateTmp ? ["PrivateTmp=yes"] : []), ...paths];
}

function sandboxOf(facts: UnitFacts): string[] {
	const properties = sandboxProperties(facts.sandbox, facts);
	if (properties.length === 0) return [];
	return [
		"",
		"# The sandbox. Not MemoryDenyWriteExecute: V8 compiles into memory it then runs.",
		...properties,
	];
}

/** One word of a command line, as systemd.service(5) has it. */
function commandWord(word: string): string {
	return quoted(word).replaceAll("$", () => "$$");
}

/** One word of several, as systemd.syntax(7) has it. */
function quoted(word: string): string {
	const text = escaped(word);
	return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text}"`;
}

function escaped(text: string): string {
	return text
		.replaceAll("\\", "\\\\")
		.replaceAll('"', '\\"')
		.replaceAll("\n", "\\n")
		.replaceAll("%", "%%");
}

function oneLine(text: string): string {
	return text.replace(/\s+/g, " ");
}
