/** Whether systemd runs the service, starts it at boot, and lets it run while nobody is logged in. */

import { SECOND } from "@baton/core/duration";
import { type Argv, runCommand } from "@baton/io/run-command";
import type { Finding } from "./finding.ts";

export interface UnitFacts {
	/** Whether systemd runs this machine. */
	readonly systemd: boolean;
	/** What `systemctl --user` prints; undefined where it could not be asked. */
	readonly enabled: string | undefined;
	readonly active: string | undefined;
	/** `yes` or `no`. */
	readonly linger: string | undefined;
	/** The service answers, whoever runs it. */
	readonly runs: boolean;
}

export async function lookAtUnit(
	systemd: boolean,
	runs: boolean,
	environment: NodeJS.ProcessEnv,
	uid: number,
): Promise<UnitFacts> {
	if (!systemd) {
		return { systemd, runs, enabled: undefined, active: undefined, linger: undefined };
	}
	const { PATH = "/usr/local/bin:/usr/bin:/bin" } = environment;
	const env = { PATH, XDG_RUNTIME_DIR: environment.XDG_RUNTIME_DIR ?? `/run/user/${uid}` };
	const [enabled, active, linger] = await Promise.all([
		wordOf(["systemctl", "--user", "is-enabled", "batond.service"], env),
		wordOf(["systemctl", "--user", "is-active", "batond.service"], env),
		wordOf(["loginctl", "show-user", String(uid), "--property=Linger", "--value"], env),
	]);
	return { systemd, runs, enabled, active, linger };
}

/** These tell by their output; their exit codes only repeat it. */
async function wordOf(argv: Argv, env: Record<string, string>): Promise<string | undefined> {
	try {
		const { stdout } = await runCommand(argv, { env, timeoutMs: 5 * SECOND });
		return stdout.trim().split("\n")[0] || undefined;
	} catch {
		return undefined;
	}
}

export function judgeUnit(facts: UnitFacts): Finding[] {
	const about = "unit";
	const { systemd, enabled, active, linger } = facts;
	if (!systemd) {
		const hint = "see that something starts batond serve after a boot and a crash";
		return [{ about, gravity: "doubtful", says: "systemd does not run this machine", hint }];
	}
	if (enabled === undefined && active === undefined) {
		const says = "the user's systemd cannot be asked from here";
		return [{ about, gravity: "unseen", says, hint: "log in as this user, then run it again" }];
	}
	const found: Finding[] = [...judgeEnabled(facts), ...judgeActive(facts)];
	if (linger === "no") {
		const says = "without lingering it ends with this user's last session, and starts at no boot";
		found.push({ about, gravity: "wrong", says, hint: "loginctl enable-linger" });
	}
	if (found.length > 0) return found;
	const lingers = linger === undefined ? "; whether it lingers cannot be told" : ", and lingers";
	return [{ about, gravity: "well", says: `the unit is enabled and active${lingers}` }];
}

function judgeEnabled({ enabled }: UnitFacts): Finding[] {
	const about = "unit";
	if (enabled === "enabled" || enabled === "enabled-runtime") return [];
	if (enabled === undefined || enabled === "not-found") {
		const says = "there is no unit batond.service of this user";
		return [
			{ about, gravity: "doubtful", says, hint: "the README has one; or something else starts it" },
		];
	}
	const hint = "systemctl --user enable --now batond";
	return [{ about, gravity: "wrong", says: `it starts at no boot: the unit is ${enabled}`, hint }];
}

function judgeActive({ active, enabled, runs }: UnitFacts): Finding[] {
	const about = "unit";
	if (active === "active" || enabled === "not-found" || enabled === undefined) return [];
	if (runs) {
		const says = `the service runs, but not as its unit, which is ${active}`;
		const hint = "end the other one, then: systemctl --user start batond";
		return [{ about, gravity: "doubtful", says, hint }];
	}
	const hint = "journalctl --user -u batond, then: systemctl --user start batond";
	return [
		{ about, gravity: "wrong", says: `the unit is ${active ?? "not known to be active"}`, hint },
	];
}
