/**
 * What outranks the credentials file that a sink writes. claude takes, in this order: another cloud,
 * ANTHROPIC_AUTH_TOKEN, ANTHROPIC_API_KEY, apiKeyHelper, CLAUDE_CODE_OAUTH_TOKEN, and only then its file.
 */

import type { Finding } from "./finding.ts";

export interface Trap {
	/** A file, or the process that has it. */
	readonly where: string;
	/** From 1; undefined where there are no lines. */
	readonly line: number | undefined;
	readonly what: string;
	/** It asks batond itself, or is a file that batond writes: no trap. */
	readonly isOurs: boolean;
}

const TRAP_VARIABLES = [
	"CLAUDE_CODE_USE_BEDROCK",
	"CLAUDE_CODE_USE_VERTEX",
	"CLAUDE_CODE_USE_FOUNDRY",
	"ANTHROPIC_AUTH_TOKEN",
	"ANTHROPIC_API_KEY",
	"CLAUDE_CODE_OAUTH_TOKEN",
] as const;

const NAMES = TRAP_VARIABLES.join("|");
/** `NAME=value`, quoted or not, anywhere in a line; not where nothing follows. */
const ASSIGNED = new RegExp(`(?:^|[\\s"';=])(${NAMES})=["']*[^\\s"';]`, "g");
/** fish and csh. */
const SET = new RegExp(`^\\s*(?:setenv|set(?:\\s+-\\w+)*)\\s+(${NAMES})\\s+\\S`, "g");

/** Assignments in a shell's profile, a unit file, or a file of variables. Values are not kept. */
export function trapsInLines(where: string, text: string): Trap[] {
	return text.split("\n").flatMap((content, index): Trap[] => {
		if (/^\s*[#;]/.test(content)) return [];
		const found = [...content.matchAll(ASSIGNED), ...content.matchAll(SET)];
		const names = new Set(found.map(([, name = ""]) => name));
		return [...names].map((what) => ({ where, line: index + 1, what, isOurs: false }));
	});
}

/** A `settings.json` of claude's. What cannot be read as one says nothing. */
export function trapsInSettings(where: string, text: string): Trap[] {
	const settings = objectIn(text);
	const helper = settings.apiKeyHelper;
	const env = settings.env;
	const variables = typeof env === "object" && env !== null ? Object.entries(env) : [];
	return [
		...(typeof helper === "string" && helper !== ""
			? [
					{
						where,
						line: undefined,
						what: "apiKeyHelper",
						isOurs: /\bbatond\s+token\b/.test(helper),
					},
				]
			: []),
		...variables.flatMap(([what, value]): Trap[] =>
			isTrap(what) && value !== "" ? [{ where, line: undefined, what, isOurs: false }] : [],
		),
	];
}

/** `/proc/PID/environ`, or an environment as lines. */
export function trapsInEnvironment(where: string, entries: readonly string[]): Trap[] {
	return entries.flatMap((entry): Trap[] => {
		const [what = "", ...value] = entry.split("=");
		const isSet = isTrap(what) && value.join("=") !== "";
		return isSet ? [{ where, line: undefined, what, isOurs: false }] : [];
	});
}

function isTrap(name: string): boolean {
	return (TRAP_VARIABLES as readonly string[]).includes(name);
}

function objectIn(text: string): Record<string, unknown> {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
	} catch {
		return {};
	}
}

/** @param isServed whether a sink writes claude's file at all: else nothing is outranked */
export function judgeTraps(traps: readonly Trap[], isServed: boolean): Finding[] {
	const about = "precedence";
	const strangers = traps.filter(({ isOurs }) => !isOurs);
	if (!isServed) return [{ about, gravity: "well", says: "no sink writes a file of claude's" }];
	if (strangers.length === 0) {
		return [{ about, gravity: "well", says: "nothing was found that outranks the file of a sink" }];
	}
	return strangers.map(({ where, line, what }) => ({
		about,
		gravity: "doubtful",
		says: `${what} in ${where}${line === undefined ? "" : `, line ${line}`}, outranks the file that a sink writes`,
		hint: "take it out there if claude is to use the login that batond keeps",
	}));
}
