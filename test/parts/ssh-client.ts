import { writeFileSync } from "node:fs";
import type { Scratch } from "./scratch.ts";
import { type SshKey, writeSshKey } from "./ssh-key.ts";
import type { SshServer } from "./ssh-server.ts";

/**
 * The OpenSSH client's command line up to the host name, with nothing read from the person's own
 * settings, agent or known hosts: `ssh` looks these up by account, whatever HOME says.
 */
export function sshArgv(
	server: Pick<SshServer, "port" | "user" | "hostKeyLine">,
	key: SshKey,
	scratch: Scratch,
): [string, ...string[]] {
	const knownHosts = scratch.at("known_hosts");
	writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${server.hostKeyLine}\n`);
	const settings = {
		BatchMode: "yes",
		IdentitiesOnly: "yes",
		IdentityAgent: "none",
		StrictHostKeyChecking: "yes",
		UserKnownHostsFile: knownHosts,
		GlobalKnownHostsFile: "/dev/null",
		LogLevel: "ERROR",
		ConnectTimeout: "10",
	};
	return [
		"ssh",
		...["-F", "/dev/null", "-p", String(server.port)],
		...["-i", writeSshKey(key, scratch.at("identity"))],
		...Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
		`${server.user}@127.0.0.1`,
	];
}
