/** What `batond login` takes. */

import { DEFAULT_NAME } from "@baton/core/custody-name";
import type { Argv } from "yargs";
import type { Choose, CliSurroundings } from "./cli.ts";
import { placesOf } from "./surroundings.ts";

export function declareLogin(parser: Argv, surroundings: CliSurroundings, choose: Choose): void {
	parser.command(
		"login",
		"make a new login here, by claude auth login, and take it over; exit code 10 if none was made",
		(options) =>
			options
				.option("name", {
					type: "string",
					default: DEFAULT_NAME,
					requiresArg: true,
					describe: "under which name",
				})
				.option("replace", { type: "boolean", describe: "also in the place of a healthy login" })
				.option("claude", { type: "string", requiresArg: true, describe: "claude's program" })
				.option("json", { type: "boolean", describe: "one JSON object" })
				.example("$0 login", "shows an address to open anywhere, and asks for the code it gives"),
		choose(async (given) => {
			const { loginCommand } = await import("./login-command.ts");
			const asked = {
				name: String(given.name),
				replace: given.replace === true,
				claude: given.claude === undefined ? undefined : String(given.claude),
				json: given.json === true,
			};
			return await loginCommand(asked, placesOf(given, surroundings.environment), surroundings);
		}),
	);
}
