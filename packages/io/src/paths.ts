/** Where Baton keeps its settings, state and sockets. */
import { posix, win32 } from "node:path";

export interface BatonFolders {
	/** `config.json` and `batond.json`. */
	config: string;
	/** What must outlive a restart; 0700. */
	state: string;
	/** Sockets; may be empty after a restart. Below `state` where the system has no such place. */
	runtime: string;
}

export interface FolderSurroundings {
	env: Readonly<Record<string, string | undefined>>;
	/** The person's home folder. */
	home: string;
	platform: NodeJS.Platform;
}

/**
 * By the XDG Base Directory Specification 0.8; on macOS and Windows the folders that the `env-paths`
 * package names. A variable that holds a relative path is passed over, as the specification says.
 */
export function batonFolders({ env, home, platform }: FolderSurroundings): BatonFolders {
	if (platform === "win32") return windowsFolders(env, home);
	const named = (name: string) => {
		const value = env[name];
		return value !== undefined && posix.isAbsolute(value) ? posix.join(value, "baton") : undefined;
	};
	const library = posix.join(home, "Library");
	const [config, state] =
		platform === "darwin"
			? [posix.join(library, "Preferences/baton"), posix.join(library, "Application Support/baton")]
			: [posix.join(home, ".config/baton"), posix.join(home, ".local/state/baton")];
	const stateFolder = named("XDG_STATE_HOME") ?? state;
	return {
		config: named("XDG_CONFIG_HOME") ?? config,
		state: stateFolder,
		runtime: named("XDG_RUNTIME_DIR") ?? posix.join(stateFolder, "run"),
	};
}

function windowsFolders(env: FolderSurroundings["env"], home: string): BatonFolders {
	const appData = (name: string, folder: string) => {
		const value = env[name];
		if (value !== undefined && win32.isAbsolute(value)) return value;
		return win32.join(home, "AppData", folder);
	};
	const local = win32.join(appData("LOCALAPPDATA", "Local"), "baton");
	return {
		config: win32.join(appData("APPDATA", "Roaming"), "baton", "Config"),
		state: win32.join(local, "Data"),
		runtime: win32.join(local, "Data", "run"),
	};
}
