/** `batond config`: the schema of the settings, and whether those that are there are right. */

import { existsSync } from "node:fs";
import { EXIT } from "@baton/core/error";
import { loadSettings } from "./load-settings.ts";
import { jsonLine, type Said } from "./said.ts";
import { settingsJsonSchema } from "./settings-schema.ts";

/** @throws BatonError `bad-settings` naming the key; `unsafe-path`, `disk-failed` */
export async function configCommand(
	what: "schema" | "check",
	{ settings: path, json }: { readonly settings: string; readonly json: boolean },
): Promise<Said> {
	if (what === "schema") return well(`${JSON.stringify(settingsJsonSchema(), null, 2)}\n`);
	const { names } = await loadSettings(path);
	const sinks = Object.values(names).flatMap((name) => Object.keys(name.sinks)).length;
	const found = existsSync(path);
	const facts = { ok: true, path, found, names: Object.keys(names), sinks };
	if (json) return well(jsonLine(facts));
	const judged = found ? `${path} is well` : `there is no ${path}, so all is as by default`;
	return well(`${judged}: ${facts.names.join(", ")}; ${sinks} ${sinks === 1 ? "sink" : "sinks"}\n`);
}

function well(stdout: string): Said {
	return { stdout, stderr: "", code: EXIT.well };
}
