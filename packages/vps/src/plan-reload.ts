/** What of changed settings a running service can take up, and what only a restart can. */

import { isDeepStrictEqual } from "node:util";
import type { NameSettings, Settings } from "./settings.ts";
import { findClash } from "./sinks/sink-place.ts";

export interface ReloadPlan {
	/** To be in force from now on. */
	readonly settings: Settings;
	/** Keys whose change waits for a restart, as in `timing.requestLimit`. */
	readonly waiting: readonly string[];
}

/** All else is built in at the start: the engine and the probe, the sockets, a custodian for each name. */
const LIVE = ["$schema", "refresh", "timing", "names"];

/** @param running as it is in force, which may be a mix already */
export function planReload(running: Settings, wanted: Settings): ReloadPlan {
	const { requestLimit } = running.timing;
	const keys = [
		...new Set([...Object.keys(running), ...Object.keys(wanted)]),
	] as (keyof Settings)[];
	const fixed = keys.filter(
		(key) => !LIVE.includes(key) && !isDeepStrictEqual(running[key], wanted[key]),
	);
	const names = planNames(running.names, wanted.names);
	const settings: Settings = {
		...running,
		refresh: wanted.refresh,
		timing: { ...wanted.timing, requestLimit },
		names: names.settings,
	};
	const waiting = [
		...fixed,
		...(requestLimit === wanted.timing.requestLimit ? [] : ["timing.requestLimit"]),
		...names.waiting,
	];
	return { settings, waiting };
}

type Names = Settings["names"];

function planNames(running: Names, wanted: Names): { settings: Names; waiting: string[] } {
	const waiting = [...new Set([...Object.keys(running), ...Object.keys(wanted)])]
		.filter((name) => running[name] === undefined || wanted[name] === undefined)
		.map((name) => `names.${name}`);
	const taken = Object.entries(running).map(([name, about]) => [name, wanted[name] ?? about]);
	const settings = Object.fromEntries(taken) as Record<string, NameSettings>;
	// A name that goes at the restart may still write what another is to write from now on.
	if (findClash({ names: settings }) === undefined) return { settings, waiting };
	return { settings: running, waiting: ["names"] };
}
