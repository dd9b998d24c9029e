/** Where this service's settings, state and key are, from the environment and the global options. */

import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { batonFolders } from "@baton/io/paths";

export interface GlobalOptions {
	/** Another settings file. */
	readonly config: string | undefined;
	/** Another state folder. */
	readonly state: string | undefined;
}

export interface Places {
	readonly settings: string;
	readonly state: string;
	/** Beside the settings, so that a copy of the state folder alone opens nothing. */
	readonly key: string;
	/** The same as a systemd credential, sealed for this user on this machine. */
	readonly sealedKey: string;
	/** Whether this is the state folder of the person's own unit. */
	readonly isUsual: boolean;
}

export function placesOf({ config, state }: GlobalOptions, env: NodeJS.ProcessEnv): Places {
	const folders = batonFolders({ env, home: homedir(), platform: process.platform });
	const settings = config === undefined ? join(folders.config, "batond.json") : resolve(config);
	const stateFolder = state === undefined ? folders.state : resolve(state);
	return {
		settings,
		state: stateFolder,
		key: join(dirname(settings), "batond.key"),
		sealedKey: join(dirname(settings), "batond.key.sealed"),
		isUsual: stateFolder === folders.state,
	};
}
