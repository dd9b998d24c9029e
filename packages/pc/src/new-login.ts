/** How a person makes a new login for a host: a command to run, or what to type where. */

import type { Host, PcRules } from "@baton/core/handover-state";

/** The words to put after a colon. */
export type HowToLogin = (host: Host) => string;

/**
 * @param folderOf claude's folder for a host's own logins
 * @param permitFor the host that has an open permit
 */
export function howToLogin(
	hosts: PcRules["hosts"],
	folderOf: (host: Host) => string,
	permitFor: Host | undefined,
): HowToLogin {
	return (host) => {
		switch (hosts[host]?.mode) {
			case "dedicated":
				return loginCommand(folderOf(host));
			case "follow-login":
				return permitFor === host
					? "run /login in claude on this PC"
					: `baton handover ${host} --next-login, then /login in claude`;
			case undefined:
				return `name ${host} in the settings again first`;
		}
	};
}

/** One line for a shell, with the folder set for this one program only. */
export function loginCommand(folder: string, platform = process.platform): string {
	if (platform === "win32") return `cmd /c "set CLAUDE_CONFIG_DIR=${folder}&& claude auth login"`;
	return `CLAUDE_CONFIG_DIR=${quoted(folder)} claude auth login`;
}

function quoted(path: string): string {
	return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
