/** What the sinks of these settings need that a sandbox of the service would take from them. */

import { dirname } from "node:path";
import type { Sandbox, SandboxNeeds } from "@baton/core/service-unit";
import { atHome } from "./at-home.ts";
import type { Settings, SinkSettings } from "./settings.ts";

export interface UnitNeeds extends SandboxNeeds {
	/** The largest sandbox in which every sink works. */
	readonly largest: Sandbox;
	/** Why it is not a larger one. */
	readonly reasons: readonly string[];
}

/** @param places what else the service reads and writes, absolute */
export function unitNeeds(
	{ names, warnings }: Pick<Settings, "names" | "warnings">,
	places: readonly string[],
): UnitNeeds {
	const sinks = Object.entries(names).flatMap(([name, about]) =>
		Object.entries(about.sinks).map(([sink, settings]) => ({ key: `${name}.${sink}`, settings })),
	);
	const commands = [
		...sinks.filter(({ settings }) => settings.type === "exec").map(({ key }) => `sink ${key}`),
		...Object.keys(warnings)
			.filter((name) => warnings[name]?.type === "exec")
			.map((name) => `warnings ${name}`),
	];
	const grouped = sinks.filter(({ settings }) => givesGroup(settings));
	const folders = sinks.flatMap(({ settings }) => folderOf(settings));
	const temporary = [...folders, ...places].find((path) => /^(\/var)?\/tmp(\/|$)/.test(path));
	const reasons = [
		...commands.map((whose) => `no sandbox: the command of ${whose} may need any right`),
		...grouped.map(
			({ key }) => `no namespaces: the group of sink ${key}'s file would not be known there`,
		),
		...(temporary === undefined ? [] : [`no /tmp of its own: ${temporary} is used`]),
	];
	return {
		largest: commands.length > 0 ? "none" : grouped.length > 0 ? "filters" : "full",
		reasons: commands.length > 0 ? reasons.slice(0, commands.length) : reasons,
		privateTmp: temporary === undefined,
		writable: [...new Set(folders.filter(isReadOnlyPlace))].sort(),
		changesGroups: grouped.length > 0,
	};
}

function givesGroup(settings: SinkSettings): boolean {
	const isKept = settings.type === "env-file" || settings.type === "template";
	return isKept && (settings.mode & 0o070) !== 0;
}

function folderOf(settings: SinkSettings): string[] {
	switch (settings.type) {
		case "claude-code":
			// Its locks lie beside the folder.
			return [dirname(atHome(settings.configDir))];
		case "exec":
			return [];
		default:
			return [dirname(atHome(settings.path))];
	}
}

/** What `ProtectSystem=full` takes the right to write from. */
function isReadOnlyPlace(path: string): boolean {
	return /^\/(etc|usr|boot|efi|bin|lib|lib64|sbin)(\/|$)/.test(path);
}
