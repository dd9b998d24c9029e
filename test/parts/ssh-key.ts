import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import ssh2 from "ssh2";

/** An ed25519 key in a form that OpenSSH and ssh2 both read. */
export interface SshKey {
	/** OpenSSH private key text. */
	readonly privateKey: string;
	/** `ssh-ed25519 AAAA…`, without a comment. */
	readonly publicKey: string;
}

export function makeSshKey(): SshKey {
	const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
	// One in a few hundred that ssh2 1.17 makes is malformed, and it cannot read it itself.
	if (ssh2.utils.parseKey(privateKey) instanceof Error) return makeSshKey();
	return { privateKey, publicKey: publicKey.trim() };
}

/** Writes the private half with mode 0600, and answers its path. */
export function writeSshKey(key: SshKey, path: string): string {
	writeFileSync(path, key.privateKey, { mode: 0o600 });
	return path;
}

/** `SHA256:…` of a public key line. */
export function sshFingerprintOf(publicKey: string): string {
	const blob = Buffer.from(publicKey.split(" ")[1] ?? "", "base64");
	const hash = createHash("sha256").update(blob).digest("base64");
	return `SHA256:${hash.replace(/=+$/, "")}`;
}
