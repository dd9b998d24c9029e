/** The command line for people: what there is, what it takes, and what was probably meant. */

import { homedir } from "node:os";
import { resolve } from "node:path";
import { DEFAULT_NAME } from "@baton/core/custody-name";
import { parseDuration } from "@baton/core/duration";
import { BatonError, EXIT } from "@baton/core/error";
import { systemClock } from "@baton/io/clock";
import type { Lend } from "@baton/io/interrupts";
import { suggestKey } from "@baton/io/settings-file";
import { VERSION } from "@baton/io/version";
import yargs, { type Argv } from "yargs";
import { usualAuthorizedKeys } from "./authorized-keys-file.ts";
import { DEFAULT_WITHIN } from "./check-command.ts";
import { declareAdopt, declareImport } from "./cli-import.ts";
import { declareLogin } from "./cli-login.ts";
import {
	declareDoctor,
	declareMetrics,
	declareRefresh,
	declareRevoke,
	declareSinks,
	declareTest,
} from "./cli-login-life.ts";
import { declareConfig, declareKey, declareUnit } from "./cli-standing.ts";
import type { DevicesOptions } from "./devices.ts";
import type { Said } from "./said.ts";
import { type GlobalOptions, placesOf } from "./surroundings.ts";

/** What the process gives to its commands. */
export interface CliSurroundings {
	readonly environment: NodeJS.ProcessEnv;
	readonly input: NodeJS.ReadStream;
	readonly output: NodeJS.WriteStream;
	readonly errors: NodeJS.WriteStream;
	/** Aborted when the process was asked to end. */
	readonly stop: AbortSignal;
	/** From now on a hangup ends nothing, and the listener is called instead. */
	onHangup(listener: () => void): void;
	/** Lends the terminal to another program. */
	readonly lend: Lend;
}

type Command = () => Promise<Said>;

/** What is given to a command: its options, the global ones among them. */
export type Given = GlobalOptions & Readonly<Record<string, unknown>>;

/** Yargs only chooses; the command runs after it, so that its errors are not taken for ours. */
export type Choose = (command: (given: Given) => Promise<Said>) => (given: object) => void;

/** @throws BatonError `usage` for a command line that is not understood; whatever the command throws */
export async function runCli(
	args: readonly string[],
	surroundings: CliSurroundings,
): Promise<Said> {
	let chosen: Command | undefined;
	const parser = commandLine(surroundings, (command) => (given) => {
		chosen = () => command(given as Given);
	});
	let help = "";
	let fault: Error | null | undefined;
	// With a callback yargs neither prints nor exits.
	await parser.parseAsync([...args], {}, (error, _argv, output) => {
		fault = error;
		help = output;
	});
	if (fault instanceof Error) throw asUsage(fault, args);
	return chosen === undefined
		? { stdout: `${help}\n`, stderr: "", code: EXIT.well }
		: await chosen();
}

function commandLine(surroundings: CliSurroundings, choose: Choose): Argv {
	const parser = yargs()
		.scriptName("batond")
		.usage(
			"$0 COMMAND\n\nkeeps a Claude Code login alive on this machine and publishes access tokens",
		)
		.locale("en")
		.wrap(80)
		// Of an option that is given twice the last one counts, as in most programs.
		.parserConfiguration({ "duplicate-arguments-array": false })
		.option("config", {
			type: "string",
			requiresArg: true,
			describe: "the settings file, instead of ~/.config/baton/batond.json",
		})
		.option("state", {
			type: "string",
			requiresArg: true,
			describe: "the state folder, instead of ~/.local/state/baton",
		})
		.example("$0 unit --start", "begin here: sets the service up under systemd")
		.example("$0 doctor", "says what is missing or in the way, and what to do")
		.example("$0 status", "who holds what, since when and until when");
	for (const declare of DECLARATIONS) declare(parser, surroundings, choose);
	return parser
		.demandCommand(1, 1, "name a command")
		.strict()
		.recommendCommands()
		.help("help", "say what there is, and what a command takes")
		.alias("help", "h")
		.version("version", "say which version this is", VERSION)
		.epilogue(EXIT_CODES);
}

// The commands. Each loads what it needs when it is run.

function declareServe(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"serve",
		"run the service; normally systemd does",
		(options) => options.example("$0 serve", "in the foreground; ctrl-c ends it"),
		choose(async (given) => {
			const { serveCommand } = await import("./serve-command.ts");
			return await serveCommand(placesOf(given, surroundings.environment), surroundings);
		}),
	);
}

function declareAccept(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"accept",
		"pass a paired device's requests to the service; authorized_keys runs it",
		(options) =>
			options
				.option("device", { type: "string", demandOption: true, describe: "the device's name" })
				.example("$0 accept --device laptop", "what its line in authorized_keys says"),
		choose(async (given) => {
			const { acceptCommand } = await import("./accept-command.ts");
			const places = placesOf(given, surroundings.environment);
			return await acceptCommand(String(given.device), places, surroundings);
		}),
	);
}

function declareStatus(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"status",
		"say who holds what, since when and until when; exit code 12 if the service is down",
		(options) =>
			options
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 status", "for people")
				.example("$0 status --json", "for programs; holds no token"),
		choose(async (given) => {
			const { status } = await import("./status.ts");
			const { state: stateFolder } = placesOf(given, environment);
			return await status({ stateFolder, json: given.json === true, clock: systemClock });
		}),
	);
}

function declareToken(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"token",
		"print the access token; exit code 10 if a login is needed first, 13 while " +
			"the provider is out of reach, 9 if the token ends too soon",
		(options) =>
			options
				.option("name", { type: "string", default: DEFAULT_NAME, describe: "whose token" })
				.option("min-valid", {
					type: "string",
					default: "0s",
					requiresArg: true,
					describe: "the least that must be left of its life",
				})
				.option("json", { type: "boolean", describe: "one JSON object with the token in it" })
				.example("$0 token", "the token and nothing else")
				.example("$0 token --min-valid 10m", "only one that lives for ten minutes more"),
		choose(async (given) => {
			const { token } = await import("./token.ts");
			const { state: stateFolder } = placesOf(given, environment);
			const minValidMs = durationOf("--min-valid", String(given["min-valid"]));
			const name = String(given.name);
			const json = given.json === true;
			return await token({ stateFolder, name, minValidMs, json, clock: systemClock });
		}),
	);
}

function declareCheck(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"check",
		"a line for each name: time left and until when; exit code 9 if a refresh is due, " +
			"10 if a login is needed, 13 with no living token and the provider out of reach",
		(options) =>
			options
				.option("name", { type: "string", requiresArg: true, describe: "only this one" })
				.option("within", {
					type: "string",
					default: DEFAULT_WITHIN,
					requiresArg: true,
					describe: "a token with less left is due",
				})
				.option("fix", {
					type: "boolean",
					describe: "have what is due refreshed now and wait for it; else nothing is changed",
				})
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 check", "for a timer or a monitor; of several names the worst code counts")
				.example("$0 check --within 2h --fix", "for an agent's heartbeat"),
		choose(async (given) => {
			const { check } = await import("./check.ts");
			const { state: stateFolder } = placesOf(given, environment);
			const withinMs = durationOf("--within", String(given.within));
			const name = given.name === undefined ? undefined : String(given.name);
			const [fix, json] = [given.fix === true, given.json === true];
			return await check({ stateFolder, name, withinMs, fix, json, clock: systemClock });
		}),
	);
}

function declareDevices(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"devices",
		"say which devices may speak to this service, by which keys; only reads",
		(options) =>
			options
				.option("authorized-keys", AUTHORIZED_KEYS)
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 devices", "warns of a key that may do more than it should"),
		choose(async (given) => {
			const { devices } = await import("./devices.ts");
			return await devices(devicesOptions(given, environment));
		}),
	);
}

function declareForget(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"forget <device>",
		"take a device's line out of authorized_keys and have nothing more to do with it; " +
			"what it has handed over stays",
		(options) =>
			options
				.positional("device", { type: "string", demandOption: true, describe: "its name" })
				.option("authorized-keys", AUTHORIZED_KEYS)
				.option("yes", { type: "boolean", describe: "do not ask first" })
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 forget laptop", "asks first; works while the service is down too"),
		choose(async (given) => {
			const { forget } = await import("./forget.ts");
			const asking = { ...surroundings, yes: given.yes === true };
			const options = devicesOptions(given, surroundings.environment);
			return await forget({ ...options, device: String(given.device), asking });
		}),
	);
}

const AUTHORIZED_KEYS = {
	type: "string",
	requiresArg: true,
	describe: "another file than ~/.ssh/authorized_keys",
} as const;

function devicesOptions(given: Given, environment: NodeJS.ProcessEnv): DevicesOptions {
	const { state: stateFolder } = placesOf(given, environment);
	const named = given["authorized-keys"];
	const file = named === undefined ? usualAuthorizedKeys(homedir()) : resolve(String(named));
	return { stateFolder, file, json: given.json === true, clock: systemClock };
}

const DECLARATIONS = [
	declareServe,
	declareAccept,
	declareStatus,
	declareToken,
	declareCheck,
	declareDevices,
	declareForget,
	declareImport,
	declareAdopt,
	declareLogin,
	declareRefresh,
	declareRevoke,
	declareSinks,
	declareMetrics,
	declareUnit,
	declareKey,
	declareConfig,
	declareDoctor,
	declareTest,
];

const EXIT_CODES =
	"exit codes: 0 well, 1 fault, 2 usage or settings, 9 refresh due, 10 needs a login, " +
	"11 declined, 12 service out of reach, 13 provider out of reach";

function durationOf(option: string, text: string): number {
	const ms = parseDuration(text);
	if (ms !== undefined) return ms;
	throw new BatonError("usage", `${option} ${text} is no duration`, {
		hint: 'durations look like "90s", "10m" or "2h"',
	});
}

const COMMANDS = [
	"serve",
	"accept",
	"status",
	"token",
	"check",
	"devices",
	"forget",
	"import",
	"adopt",
	"login",
	"refresh",
	"revoke",
	"sinks",
	"metrics",
	"unit",
	"key",
	"config",
	"doctor",
	"test",
];
const OPTIONS = [
	"config",
	"state",
	"device",
	"name",
	"min-valid",
	"within",
	"fix",
	"force",
	"claude",
	"warnings",
	"authorized-keys",
	"replace",
	"setup-token",
	"lives",
	"write",
	"start",
	"sandbox",
	"seal",
	"yes",
	"json",
	"help",
	"version",
];

function asUsage(fault: Error, args: readonly string[]): BatonError {
	if (fault instanceof BatonError) return fault;
	const [message = "", ...more] = fault.message.split("\n").filter((line) => line !== "");
	const unknown = /^Unknown (?:argument|command)s?: ([\w-]+)/.exec(message)?.[1];
	const meant = unknown === undefined ? undefined : meantBy(unknown, args);
	const hint = meant === undefined ? (more[0] ?? `see ${helpFor(args)}`) : `did you mean ${meant}?`;
	// Yargs counts words where a person looks for a name.
	const said = message.startsWith("Not enough non-option") ? "a word is missing" : message;
	return new BatonError("usage", said.toLowerCase(), { hint: hint.toLowerCase() });
}

function helpFor([command = ""]: readonly string[]): string {
	return COMMANDS.includes(command) ? `batond ${command} --help` : "batond --help";
}

/** Yargs gives the same complaint for both, without the dashes. */
function meantBy(unknown: string, args: readonly string[]): string | undefined {
	if (args.includes(unknown)) return suggestKey(unknown, COMMANDS);
	const option = suggestKey(unknown, OPTIONS);
	return option === undefined ? undefined : `--${option}`;
}
