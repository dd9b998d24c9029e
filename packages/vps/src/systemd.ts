/**
 * What systemd is told and asked. Node cannot send datagrams to Unix sockets, so `systemd-notify` does
 * (the unit has `NotifyAccess=all`).
 */

import { existsSync } from "node:fs";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import type { Clock } from "@baton/io/clock";
import { type Argv, runCommand } from "@baton/io/run-command";

export interface Systemd {
	ready(): Promise<void>;
	stopping(): Promise<void>;
	/** Feeds the watchdog, if there is one and while the custody goes on, until the signal is aborted. */
	feedWatchdog(alive: AbortSignal, goesOn: () => boolean): Promise<void>;
}

/** Does nothing where no systemd waits for news. */
export function systemdOf(environment: NodeJS.ProcessEnv, clock: Clock): Systemd {
	const { NOTIFY_SOCKET, WATCHDOG_USEC } = environment;
	const tell = async (state: string) => {
		if (NOTIFY_SOCKET === undefined) return;
		await tryRun(["systemd-notify", state], { ...essentials(environment), NOTIFY_SOCKET });
	};
	const every = Number(WATCHDOG_USEC ?? 0) / 1000 / 3;
	return {
		ready: () => tell("READY=1"),
		stopping: () => tell("STOPPING=1"),
		async feedWatchdog(alive, goesOn) {
			if (NOTIFY_SOCKET === undefined || !(every > 0)) return;
			while (!alive.aborted) {
				if (goesOn()) await tell("WATCHDOG=1");
				await clock.sleep(every, alive).catch(() => {});
			}
		},
	};
}

/** Asks the user's systemd to start the service; well if there is none, and never for long. */
export async function startUnit(environment: NodeJS.ProcessEnv): Promise<void> {
	// Only where systemd runs the machine is there anything to ask.
	if (!existsSync("/run/systemd/system")) return;
	const uid = process.getuid?.() ?? 0;
	const XDG_RUNTIME_DIR = environment.XDG_RUNTIME_DIR ?? `/run/user/${uid}`;
	const env = { ...essentials(environment), XDG_RUNTIME_DIR };
	await tryRun(["systemctl", "--user", "start", "batond.service"], env);
}

async function tryRun(argv: Argv, env: Record<string, string>): Promise<void> {
	try {
		await runCommand(argv, { env, timeoutMs: 15 * SECOND });
	} catch (error) {
		// Without the program or its answer everything still works; only systemd knows less.
		if (!(error instanceof BatonError)) throw error;
	}
}

function essentials({ PATH = "/usr/local/bin:/usr/bin:/bin" }: NodeJS.ProcessEnv) {
	return { PATH };
}
