/** What `batond import` and `batond adopt` take. */

import { DEFAULT_NAME } from "@baton/core/custody-name";
import { BatonError } from "@baton/core/error";
import type { Argv } from "yargs";
import type { Choose, CliSurroundings, Given } from "./cli.ts";
import { placesOf } from "./surroundings.ts";

export function declareImport(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"import [file]",
		"take over the login in a credentials file of this machine, disarming it there; " +
			"exit code 11 if it is not taken",
		(options) =>
			commonOptions(options)
				.positional("file", { type: "string", describe: "the file" })
				.option("setup-token", {
					type: "boolean",
					describe: "instead of a file: a setup token on standard input",
				})
				.option("lives", {
					type: "string",
					default: "365d",
					requiresArg: true,
					describe: "how long the setup token lives from now",
				})
				.conflicts("file", "setup-token")
				.example("$0 import ~/.claude/.credentials.json", "claude's own")
				.example("$0 import --setup-token < FILE", "what claude setup-token has printed"),
		choose(async (given) => {
			const { importCommand } = await import("./import-command.ts");
			const file = given.file === undefined ? undefined : String(given.file);
			if (file === undefined && given["setup-token"] !== true) {
				throw new BatonError("usage", "name a file", {
					hint: "batond import ~/.claude/.credentials.json",
				});
			}
			const source = file === undefined ? { lives: String(given.lives) } : { file };
			const places = placesOf(given, surroundings.environment);
			return await importCommand(source, commonOf(given), places, surroundings);
		}),
	);
}

export function declareAdopt(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"adopt [sink]",
		"take over the login that somebody made where a claude-code sink writes",
		(options) =>
			commonOptions(options)
				.positional("sink", { type: "string", describe: "which, if there are several" })
				.example("$0 adopt claude", "the login that batond status calls somebody else's"),
		choose(async (given) => {
			const { adoptCommand } = await import("./import-command.ts");
			const sink = given.sink === undefined ? undefined : String(given.sink);
			const places = placesOf(given, surroundings.environment);
			return await adoptCommand(sink, commonOf(given), places, surroundings);
		}),
	);
}

function commonOptions(options: Argv): Argv {
	return options
		.option("name", {
			type: "string",
			default: DEFAULT_NAME,
			requiresArg: true,
			describe: "under which name",
		})
		.option("replace", { type: "boolean", describe: "also in the place of a healthy login" })
		.option("yes", { type: "boolean", describe: "do not ask first" })
		.option("json", { type: "boolean", describe: "one JSON object" });
}

function commonOf({ name, replace, yes, json }: Given) {
	return { name: String(name), replace: replace === true, yes: yes === true, json: json === true };
}
