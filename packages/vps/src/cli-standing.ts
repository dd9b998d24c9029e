/** What `batond unit`, `key` and `config` take: how the service is set up and kept. */

import { homedir } from "node:os";
import { resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import type { Argv } from "yargs";
import type { Choose, CliSurroundings, Given } from "./cli.ts";
import { placesOf } from "./surroundings.ts";

const SANDBOXES = ["auto", "full", "filters", "none"] as const;

export function declareUnit(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"unit",
		"print the systemd user unit of the service, or write it; exit code 11 if another is there",
		(options) =>
			options
				.option("write", {
					type: "boolean",
					describe: "write it where systemd looks for it; systemd is told nothing",
				})
				.option("start", {
					type: "boolean",
					describe: "write it, and have systemd load, enable and restart it",
				})
				.option("sandbox", {
					choices: SANDBOXES,
					default: "auto" as const,
					describe: "how far the service is shut in: auto tries what this system can do",
				})
				.option("replace", { type: "boolean", describe: "over a unit of somebody else's" })
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 unit", "only prints it")
				.example("$0 unit --start", "sets the service up, and again after a change of sinks"),
		choose(async (given) => {
			const { unitCommand } = await import("./unit-command.ts");
			const { userManager } = await import("./user-manager.ts");
			return await unitCommand({
				places: placesOf(given, environment),
				environment,
				command: serveWords(given, environment),
				sandbox: given.sandbox as (typeof SANDBOXES)[number],
				write: given.write === true,
				start: given.start === true,
				replace: given.replace === true,
				json: given.json === true,
				manager: userManager(environment),
			});
		}),
	);
}

/** The Node and the program that run now; places that systemd's own environment would not lead to. */
function serveWords(given: Given, environment: NodeJS.ProcessEnv): string[] {
	const bare = placesOf({ config: undefined, state: undefined }, { HOME: homedir() });
	const places = placesOf(given, environment);
	return [
		process.execPath,
		resolve(process.argv[1] ?? "batond"),
		"serve",
		...(places.settings === bare.settings ? [] : ["--config", places.settings]),
		...(places.state === bare.state ? [] : ["--state", places.state]),
	];
}

export function declareKey(parser: Argv, { environment }: CliSurroundings, choose: Choose): void {
	parser.command(
		"key",
		"say where the key to the state lies; exit code 11 if it cannot be sealed here",
		(options) =>
			options
				.option("seal", {
					type: "boolean",
					describe: "make a systemd credential of it as well; the key file stays",
				})
				.option("json", { type: "boolean", describe: "one JSON object, never the key" })
				.example("$0 key --seal", "from systemd 256 on"),
		choose(async (given) => {
			const { keyCommand } = await import("./key-command.ts");
			const { userManager } = await import("./user-manager.ts");
			return await keyCommand({
				places: placesOf(given, environment),
				environment,
				seal: given.seal === true,
				json: given.json === true,
				manager: userManager(environment),
			});
		}),
	);
}

export function declareConfig(
	parser: Argv,
	{ environment }: CliSurroundings,
	choose: Choose,
): void {
	parser.command(
		"config <what>",
		"schema: print the JSON Schema of the settings; check: say what is wrong with them",
		(options) =>
			options
				.positional("what", { choices: ["schema", "check"] as const, demandOption: true })
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 config check", "before systemctl --user reload batond")
				.example("$0 config schema > batond.schema.json", 'for "$schema" and an editor'),
		choose(async (given) => {
			const { configCommand } = await import("./config-command.ts");
			if (given.what !== "schema" && given.what !== "check") {
				throw new BatonError("usage", "name schema or check");
			}
			const { settings } = placesOf(given, environment);
			return await configCommand(given.what, { settings, json: given.json === true });
		}),
	);
}
