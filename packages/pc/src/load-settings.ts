/** Reads and checks the settings file; a fault is named with its place and, where it can be, a cure. */

import { join, resolve } from "node:path";
import { BatonError } from "@baton/core/error";
import { readSettings, suggestKey } from "@baton/io/settings-file";
import { KNOWN_KEYS, type Settings, settingsSchema } from "./settings.ts";

/** The settings with every default and every path filled in. */
export interface LoadedSettings extends Settings {
	readonly device: string;
	readonly claudeDir: string;
}

export interface SettingsSurroundings {
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly home: string;
	/** The machine's own name. */
	readonly hostname: string;
}

/** @throws BatonError `bad-settings`, naming the first wrong field; `unsafe-path`, `disk-failed` */
export async function loadSettings(
	file: string,
	surroundings: SettingsSurroundings,
): Promise<LoadedSettings> {
	const written = (await readSettings(file)) ?? {};
	const parsed = settingsSchema.safeParse(written);
	if (!parsed.success) throw faultOf(file, firstOf(parsed.error.issues), written);
	return fillIn(parsed.data, surroundings);
}

function fillIn(settings: Settings, { env, home, hostname }: SettingsSurroundings): LoadedSettings {
	const hosts = Object.entries(settings.hosts).map(([name, host]) => [
		name,
		{ ...host, identity: fromHome(host.identity, home) },
	]);
	const { claude } = settings;
	return {
		...settings,
		...(claude === undefined ? {} : { claude: fromHome(claude, home) }),
		device: settings.device ?? asWord(hostname),
		claudeDir: resolve(
			fromHome(settings.claudeDir ?? (env.CLAUDE_CONFIG_DIR || join(home, ".claude")), home),
		),
		hosts: Object.fromEntries(hosts),
	};
}

function fromHome(path: string, home: string): string {
	return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

function asWord(hostname: string): string {
	const first = hostname.split(".")[0] ?? "";
	return (
		first
			.replace(/[^A-Za-z0-9-]+/g, "-")
			.replace(/^-+/, "")
			.slice(0, 63) || "pc"
	);
}

interface Issue {
	readonly code?: string | undefined;
	readonly path: readonly PropertyKey[];
	readonly message: string;
	readonly keys?: readonly string[];
	readonly issues?: readonly Issue[];
}

/** A key that is unknown may well be the one that is missing, misspelt. */
function firstOf(issues: readonly Issue[]): Issue | undefined {
	return issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0];
}

function faultOf(file: string, issue: Issue | undefined, written: unknown): BatonError {
	const place = issue?.path.map(String).join(".") ?? "";
	const [unknown] = issue?.keys ?? [];
	if (issue?.code === "unrecognized_keys" && unknown !== undefined) {
		const key = place === "" ? unknown : `${place}.${unknown}`;
		const meant = suggestKey(unknown, knownAt(issue.path));
		return new BatonError("bad-settings", `${file}: there is no setting ${key}`, {
			hint: meant === undefined ? "remove it" : `did you mean ${meant}?`,
		});
	}
	// The name of a host is checked as a key, so its fault lies one level deeper.
	const said = issue?.issues?.[0]?.message ?? issue?.message ?? "is wrong";
	return new BatonError("bad-settings", `${file}: ${place || "the file"} ${said}`, {
		hint: isMissing(written, issue?.path ?? [])
			? "it is missing: add it and run the command again"
			: "correct it and run the command again",
	});
}

function isMissing(written: unknown, path: readonly PropertyKey[]): boolean {
	let value = written;
	for (const key of path) {
		if (typeof value !== "object" || value === null) return false;
		value = (value as Record<PropertyKey, unknown>)[key];
	}
	return value === undefined;
}

function knownAt(path: readonly PropertyKey[]): readonly string[] {
	if (path[0] === "hosts") return KNOWN_KEYS.host;
	return path[0] === "link" ? KNOWN_KEYS.link : KNOWN_KEYS.settings;
}
