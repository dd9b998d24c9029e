/** The SSH server of the VPS: it lets in one key, which may run `batond accept` and nothing else. */
import type { BatondHost } from "../../test/e2e/batond-host.ts";
import { startEmbeddedSshd } from "../../test/parts/embedded-sshd.ts";
import type { SshServer } from "../../test/parts/ssh-server.ts";
import { startSshd } from "../../test/parts/sshd.ts";

export const DEVICE = "laptop";

/** @param real OpenSSH's own instead of the embedded one */
export async function startSshServer(
	host: BatondHost,
	publicKey: string,
	real: boolean,
): Promise<SshServer> {
	const { argv, env = {} } = host.optionsOf(["accept", "--device", DEVICE]);
	if (!real) return await startEmbeddedSshd({ authorizedKey: publicKey, command: argv, env });
	return await startSshd({ authorizedKeys: [keyLine(argv, publicKey)], environment: env });
}

/** As pairing writes it into `authorized_keys`. */
function keyLine(argv: readonly string[], publicKey: string): string {
	const command = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
	return `restrict,command="${command.replaceAll('"', '\\"')}" ${publicKey} baton:${DEVICE}`;
}
