/** How a person makes a new login for a host: a command to run, or what to type where. */

import type { Host, PcRules } from "@baton/core/handover-state";

/** The words to put after a colon. */
export type HowToLogin = (host: Host) => string;

/** @param permitFor the host that has an open permit */
export function howToLogin(hosts: PcRules["hosts"], permitFor: Host | undefined): HowToLogin {
	return (host) => {
		switch (hosts[host]?.mode) {
			case "dedicated":
				return `baton login ${host}`;
			case "follow-login":
				return permitFor === host
					? "run /login in claude on this PC"
					: `baton handover ${host} --next-login, then /login in claude`;
			case undefined:
				return `name ${host} in the settings again first`;
		}
	};
}
