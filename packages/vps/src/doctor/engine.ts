/** By what the logins are refreshed, why by that, and what claude is there besides. */

import { isRecentClaude } from "@baton/core/claude-version";
import type { EngineChoice } from "../engines/choose-engine.ts";
import type { ClaudeThere } from "./claude-found.ts";
import type { Finding } from "./finding.ts";

export interface EngineFacts {
	/** As the service has chosen; while it is down, as this command would. */
	readonly choice: EngineChoice;
	/** All that are there, also where the service does not look. */
	readonly found: readonly ClaudeThere[];
}

export function judgeEngine({ choice, found }: EngineFacts): Finding[] {
	return [judgeChoice(choice, found.find(isRecent)), ...judgeSeveral(found)];
}

const about = "engine";

function judgeChoice(choice: EngineChoice, recent: ClaudeThere | undefined): Finding {
	const { name, reason, why } = choice;
	if (name === "claude-cli" && choice.program !== undefined) {
		return { about, gravity: "well", says: `${name}: claude ${choice.version}, ${choice.program}` };
	}
	if (name === "http" && reason !== "unfit" && !isOverlooked(choice, recent)) {
		const says = `http: ${why ?? "the settings say so"}`;
		return { about, gravity: "well", says };
	}
	const besides = isOverlooked(choice, recent)
		? `, though there is claude ${recent?.version} at ${recent?.path}`
		: "";
	const [gravity, cannot] =
		name === "http" ? ["doubtful" as const, ""] : ["wrong" as const, " cannot refresh"];
	return {
		about,
		gravity,
		says: `${name}${cannot}: ${why}${besides}`,
		hint: hintOf(choice, recent),
	};
}

/** There is one that would do, and the service has not come upon it. */
function isOverlooked({ reason }: EngineChoice, recent: ClaudeThere | undefined): boolean {
	return recent !== undefined && (reason === "missing" || reason === "unfit");
}

function hintOf(choice: EngineChoice, recent: ClaudeThere | undefined): string {
	if (isOverlooked(choice, recent)) return `name it in batond.json: "claude": "${recent?.path}"`;
	const other = choice.name === "http" ? '"http"' : '"auto" or "http"';
	if (choice.reason === "unfit") return `update it: claude update; or set engine to ${other}`;
	const install = choice.reason === "missing" ? "install Claude Code, or " : "";
	return `${install}set engine to ${other} in batond.json`;
}

function judgeSeveral(found: readonly ClaudeThere[]): Finding[] {
	if (found.length < 2) return [];
	const all = found.map(({ path, version }) => `${version ?? "?"} at ${path}`).join(", ");
	const says = `there are ${found.length} programs claude: ${all}`;
	const hint = "which of them runs depends on the PATH; keep one, or name one in batond.json";
	return [{ about, gravity: "doubtful", says, hint }];
}

function isRecent({ version }: ClaudeThere): boolean {
	return version !== undefined && isRecentClaude(version);
}
