/** `batond check` on a path that loads neither yargs nor zod: timers and agents call it often. */

import { parseArgs } from "node:util";
import { parseDuration } from "@baton/core/duration";
import { systemClock } from "@baton/io/clock";
import { check } from "./check.ts";
import type { Said } from "./said.ts";
import { placesOf } from "./surroundings.ts";

/** As long as the older habit, "at each heartbeat, if under two hours are left". */
export const DEFAULT_WITHIN = "2h";

const OPTIONS = {
	name: { type: "string" },
	within: { type: "string", default: DEFAULT_WITHIN },
	fix: { type: "boolean", default: false },
	json: { type: "boolean", default: false },
	config: { type: "string" },
	state: { type: "string" },
} as const;

/**
 * @param args what follows `check`
 * @returns undefined for anything unusual, which yargs then explains
 * @throws BatonError as `check` does
 */
export async function checkCommand(
	args: readonly string[],
	environment: NodeJS.ProcessEnv,
): Promise<Said | undefined> {
	const values = parse(args);
	const withinMs = parseDuration(values?.within ?? "");
	if (values === undefined || withinMs === undefined) return undefined;
	const { name, fix, json, config, state } = values;
	const { state: stateFolder } = placesOf({ config, state }, environment);
	return await check({ stateFolder, name, withinMs, fix, json, clock: systemClock });
}

function parse(args: readonly string[]) {
	try {
		return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values;
	} catch {
		return undefined;
	}
}
