/** Where what outranks claude's file is usually set. */

import { join } from "node:path";
import { SECOND } from "@baton/core/duration";
import { runCommand } from "@baton/io/run-command";
import { filesIn, readText } from "./read-text.ts";
import { type Trap, trapsInEnvironment, trapsInLines, trapsInSettings } from "./traps.ts";

export interface TrapPlaces {
	readonly home: string;
	/** Folders of claude's in which a sink writes. */
	readonly claudeFolders: readonly string[];
	/** Env files that batond writes itself. */
	readonly ownFiles: readonly string[];
	readonly environment: NodeJS.ProcessEnv;
}

const PROFILES = [
	".bashrc",
	".bash_profile",
	".bash_login",
	".profile",
	".zshrc",
	".zshenv",
	".zprofile",
	".config/fish/config.fish",
	".pam_environment",
	".env",
];
const SYSTEM = ["/etc/environment", "/etc/profile", "/etc/bash.bashrc", "/etc/zsh/zshenv"];
const MANAGED = "/etc/claude-code/managed-settings.json";

export async function lookAtTraps(places: TrapPlaces): Promise<Trap[]> {
	const { home, ownFiles, environment } = places;
	const own = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
	const found = [
		...(await inFiles(await lineFiles(home), trapsInLines)),
		...(await inFiles(settingsFiles(places), trapsInSettings)),
		...trapsInEnvironment("the environment of this command", own),
		...trapsInEnvironment(
			"the environment of the user's systemd",
			await managerEnvironment(environment),
		),
	];
	return found.map((trap) => (ownFiles.includes(trap.where) ? { ...trap, isOurs: true } : trap));
}

async function lineFiles(home: string): Promise<string[]> {
	const units = join(home, ".config/systemd/user");
	const dropIns = await filesIn(units, /\.service\.d$/);
	return [
		...PROFILES.map((name) => join(home, name)),
		...SYSTEM,
		...(await filesIn("/etc/profile.d", /\.sh$/)),
		...(await filesIn("/etc/environment.d", /\.conf$/)),
		...(await filesIn(join(home, ".config/environment.d"), /\.conf$/)),
		...(await filesIn(units, /\.service$/)),
		...(await Promise.all(dropIns.map((folder) => filesIn(folder, /\.conf$/)))).flat(),
	];
}

function settingsFiles({ home, claudeFolders }: TrapPlaces): string[] {
	const folders = new Set([join(home, ".claude"), ...claudeFolders]);
	const names = ["settings.json", "settings.local.json"];
	return [...[...folders].flatMap((folder) => names.map((name) => join(folder, name))), MANAGED];
}

async function inFiles(
	paths: readonly string[],
	find: (where: string, text: string) => Trap[],
): Promise<Trap[]> {
	const found = paths.map(async (path) => {
		const text = await readText(path);
		return text === undefined || text === "unseen" ? [] : find(path, text);
	});
	return (await Promise.all(found)).flat();
}

/** What units of this user begin with. */
async function managerEnvironment(environment: NodeJS.ProcessEnv): Promise<string[]> {
	const { PATH = "/usr/bin:/bin", XDG_RUNTIME_DIR } = environment;
	if (XDG_RUNTIME_DIR === undefined) return [];
	const argv = ["systemctl", "--user", "show-environment"] as const;
	try {
		const env = { PATH, XDG_RUNTIME_DIR };
		const { stdout } = await runCommand(argv, { env, timeoutMs: 5 * SECOND });
		return stdout.split("\n");
	} catch {
		return [];
	}
}
