/** Where sinks write, so that no two of them write one thing. */

import { join } from "node:path";
import { atHome } from "../at-home.ts";
import type { Settings, SinkSettings } from "../settings.ts";

/** claude's own name for it, in its configuration folder. */
export const CREDENTIALS_FILE = ".credentials.json";

/** Where what a sink gives is to be found, for people. */
export function placeOf(settings: SinkSettings): string {
	if (settings.type !== "exec") return fileOf(settings) ?? "";
	return settings.command[0] ?? "";
}

/** The file a sink writes; undefined for one that writes none itself. */
function fileOf(settings: SinkSettings): string | undefined {
	switch (settings.type) {
		case "claude-code":
			return join(atHome(settings.configDir), CREDENTIALS_FILE);
		case "env-file":
		case "template":
			return atHome(settings.path);
		case "exec":
			return undefined;
	}
}

export interface SinkClash {
	/** As in the settings: `names.default.sinks.claude`. */
	readonly first: string;
	readonly second: string;
	readonly file: string;
}

/** Two sinks that would write over each other, if any. Two variables of one file get along. */
export function findClash({ names }: Pick<Settings, "names">): SinkClash | undefined {
	const seen: { key: string; file: string; settings: SinkSettings }[] = [];
	for (const [name, { sinks }] of Object.entries(names)) {
		for (const [sink, settings] of Object.entries(sinks)) {
			const file = fileOf(settings);
			if (file === undefined) continue;
			const key = `names.${name}.sinks.${sink}`;
			const other = seen.find((one) => one.file === file && !getAlong(one.settings, settings));
			if (other !== undefined) return { first: other.key, second: key, file };
			seen.push({ key, file, settings });
		}
	}
	return undefined;
}

function getAlong(a: SinkSettings, b: SinkSettings): boolean {
	return a.type === "env-file" && b.type === "env-file" && a.variable !== b.variable;
}
