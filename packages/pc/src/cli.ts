/** The command line of `baton`: what a person may type, and which command that is. */

import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { suggestKey } from "@baton/io/settings-file";
import { VERSION } from "@baton/io/version";
import yargs, { type Argv } from "yargs";
import {
	type CommandContext,
	commandContext,
	type GlobalOptions,
	type Surroundings,
} from "./commands/context.ts";
import { handoverCommand } from "./commands/handover.ts";
import { loginCommand } from "./commands/login.ts";
import { statusCommand } from "./commands/status.ts";
import { takeBackCommand } from "./commands/take-back.ts";
import { watchCommand } from "./commands/watch.ts";
import type { Terminal } from "./terminal.ts";

type Run = (context: CommandContext) => Promise<ExitCode>;

interface Chosen {
	readonly options: GlobalOptions;
	readonly run: Run;
}

const COMMANDS = ["login", "watch", "handover", "take-back", "status"];

const OPTIONS = [
	"config",
	"state",
	"json",
	"help",
	"version",
	"next-login",
	"replace",
	"store",
	"follow",
	"force",
	"anyway",
	"claude",
];

/**
 * Runs one command.
 *
 * @returns the code to exit with
 * @throws BatonError `usage` for a line that is not understood; what the command throws
 */
export async function runCli(
	args: readonly string[],
	terminal: Terminal,
	surroundings: Surroundings,
): Promise<ExitCode> {
	const chosen = await parse(args, terminal);
	if (chosen === undefined) return EXIT.well;
	return await chosen.run(await commandContext(chosen.options, terminal, surroundings));
}

/** Undefined if help or the version was asked for, and is told. */
async function parse(args: readonly string[], terminal: Terminal): Promise<Chosen | undefined> {
	let chosen: Chosen | undefined;
	const choose = (options: GlobalOptions, run: Run) => {
		chosen = { options, run };
	};
	let printed = "";
	await commandLine(choose, terminal).parseAsync([...args], {}, (error, _argv, output) => {
		if (error) throw error;
		printed = output;
	});
	if (printed !== "") terminal.out(printed);
	return printed === "" ? chosen : undefined;
}

function commandLine(choose: (options: GlobalOptions, run: Run) => void, terminal: Terminal): Argv {
	return (
		yargs()
			.scriptName("baton")
			// Of an option that is given twice the last one counts, as in most programs.
			.parserConfiguration({ "duplicate-arguments-array": false })
			.usage("$0 <command>\n\nHands a Claude Code login from this PC to your VPS.")
			.option("config", {
				type: "string",
				requiresArg: true,
				describe: "settings file",
				global: true,
			})
			.option("state", {
				type: "string",
				requiresArg: true,
				describe: "state folder",
				global: true,
			})
			.option("json", {
				type: "boolean",
				default: false,
				describe: "the last line on standard output is one JSON object",
				global: true,
			})
			.command(
				"login <host>",
				"make a new login for the host and hand it over",
				loginLine,
				({ host, replace, anyway, claude, ...argv }) =>
					choose(globals(argv), (context) =>
						loginCommand({ host, replace, anyway, claude }, context),
					),
			)
			.command(
				"watch",
				"watch for logins and hand them over, until stopped",
				(line) => line.example("$0 watch", "what the background service runs"),
				(argv) => choose(globals(argv), watchCommand),
			)
			.command(
				"handover [host]",
				"hand over the login this PC holds now",
				handoverLine,
				({ host, nextLogin, replace, store, follow, ...argv }) => {
					const asked = { host, nextLogin, replace, store, follow };
					choose(globals(argv), (context) => handoverCommand(asked, context));
				},
			)
			.command(
				"take-back <host>",
				"undo a hand-over that was never claimed",
				(line) =>
					line
						.positional("host", { type: "string", demandOption: true })
						.option("force", {
							type: "boolean",
							default: false,
							describe: "for a host that is gone: it may have claimed the login all the same",
						})
						.example("$0 take-back myvps", "bring back a login that is still in transit"),
				({ host, force, ...argv }) =>
					choose(globals(argv), (context) => takeBackCommand({ host, force }, context)),
			)
			.command(
				"status [host]",
				"who holds what, since when, until when",
				(line) =>
					line
						.positional("host", { type: "string" })
						.example("$0 status", "reads only: nothing is sent or written"),
				({ host, ...argv }) => choose(globals(argv), (context) => statusCommand(host, context)),
			)
			.demandCommand(1, 1, "which command?", "only one command at a time")
			.strict()
			.recommendCommands()
			.version(VERSION)
			.help()
			.alias("help", "h")
			.epilogue("Exit codes: 0 well, 1 fault, 2 usage, 10 needs a login, 11 declined, 12 no host")
			.wrap(Math.min(80, terminal.columns))
			.exitProcess(false)
			.showHelpOnFail(false)
			.fail((message, error) => {
				throw error === undefined || error.name === "YError" ? usageError(message) : error;
			})
	);
}

function loginLine(line: Argv) {
	return line
		.positional("host", { type: "string", demandOption: true })
		.option("replace", {
			type: "boolean",
			default: false,
			describe: "also if the login the host has is in good order",
		})
		.option("anyway", {
			type: "boolean",
			default: false,
			describe: "also if the host cannot be reached: it is handed over later",
		})
		.option("claude", {
			type: "string",
			requiresArg: true,
			describe: "the official claude; the first one on the PATH unless named",
		})
		.example("$0 login myvps", "runs claude auth login in a folder of its own");
}

function handoverLine(line: Argv) {
	return line
		.positional("host", { type: "string", describe: "not needed if the settings name just one" })
		.option("next-login", {
			type: "boolean",
			default: false,
			describe: "not what is there now: the next /login on this PC",
		})
		.option("replace", {
			type: "boolean",
			default: false,
			describe: "also if the login the host has is in good order",
		})
		.option("store", {
			choices: ["normal", "dedicated"] as const,
			describe: "where to take it from: claude's own place, or the host's folder here",
		})
		.option("follow", {
			type: "boolean",
			default: true,
			describe: "tell how it goes to its end; --no-follow returns at once",
		})
		.example("$0 handover myvps", "hand over what the PC holds now")
		.example("$0 handover myvps --next-login", "then run /login in claude");
}

function globals(argv: Record<string, unknown>): GlobalOptions {
	const { config, state, json } = argv;
	const text = (value: unknown) => (typeof value === "string" ? value : undefined);
	return { config: text(config), state: text(state), json: json === true };
}

function usageError(message: string): BatonError {
	if (message.startsWith("Not enough non-option arguments")) {
		return new BatonError("usage", "which host?", { hint: "name it, or see: baton --help" });
	}
	const said = message.split("\n")[0] ?? "";
	const unknown = /^Unknown (?:arguments?|options?): ([^,]+)/.exec(said)?.[1];
	const meant = unknown === undefined ? undefined : meantBy(unknown);
	const shown = said === "" ? "the command line is not understood" : said;
	return new BatonError("usage", shown.charAt(0).toLowerCase() + shown.slice(1), {
		hint: meant === undefined ? "see: baton --help" : `did you mean ${meant}?`,
	});
}

function meantBy(unknown: string): string | undefined {
	const option = suggestKey(unknown, OPTIONS);
	return option === undefined ? suggestKey(unknown, COMMANDS) : `--${option}`;
}
