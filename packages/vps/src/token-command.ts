/** `batond token` on a path that loads neither yargs nor zod: programs call it often. */

import { parseArgs } from "node:util";
import { DEFAULT_NAME } from "@baton/core/custody-name";
import { parseDuration } from "@baton/core/duration";
import { systemClock } from "@baton/io/clock";
import type { Said } from "./said.ts";
import { placesOf } from "./surroundings.ts";
import { token } from "./token.ts";

const OPTIONS = {
	name: { type: "string", default: DEFAULT_NAME },
	"min-valid": { type: "string", default: "0s" },
	json: { type: "boolean", default: false },
	config: { type: "string" },
	state: { type: "string" },
} as const;

/**
 * @param args what follows `token`
 * @returns undefined for anything unusual, which yargs then explains
 * @throws BatonError as `token` does
 */
export async function tokenCommand(
	args: readonly string[],
	environment: NodeJS.ProcessEnv,
): Promise<Said | undefined> {
	const values = parse(args);
	const minValidMs = parseDuration(values?.["min-valid"] ?? "");
	if (values === undefined || minValidMs === undefined) return undefined;
	const { name, json, config, state } = values;
	const places = placesOf({ config, state }, environment);
	return await token({ stateFolder: places.state, name, minValidMs, json, clock: systemClock });
}

function parse(args: readonly string[]) {
	try {
		return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
	} catch {
		return undefined;
	}
}
