/**
 * Opens one SSH connection: this device's key and nothing else, and only to the host whose key was
 * pinned.
 *
 * The algorithms are the few that every OpenSSH of the last ten years has and nobody has doubts about.
 * No agent, no password, no forwarding, no compression; neither ssh_config nor known_hosts is read.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { lstat } from "node:fs/promises";
import { BatonError } from "@baton/core/error";
import { readSmall } from "@baton/io/read-small";
import ssh2, {
	type Algorithms,
	type ClientChannel,
	type ParsedKey,
	type PublicKeyAuthMethod,
} from "ssh2";
import { noAnswer } from "./answer-channel.ts";
import type { HostKeyType, SshSettings } from "./ssh-settings.ts";

const IDENTITY_MAX_BYTES = 16 * 1024;

/** What is asked for; the key's line in `authorized_keys` says what runs. */
const COMMAND = "batond accept";

const HOST_KEY_ALGORITHMS: Record<HostKeyType, NonNullable<Algorithms["serverHostKey"]>> = {
	"ssh-ed25519": ["ssh-ed25519"],
	"ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
	"ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

export interface SshConnection {
	readonly channel: ClientChannel;
	end(): void;
}

/**
 * @param limitMs from the first packet to a running command
 * @param signal gives up on connecting, with its reason, a BatonError
 * @throws BatonError `host-unreachable`, `host-key-changed`, `key-refused`, `service-unavailable`,
 * `timed-out`, `unsafe-path`, `bad-settings`
 */
export async function connectSsh(
	settings: SshSettings,
	limitMs: number,
	signal: AbortSignal,
): Promise<SshConnection> {
	const key = await readIdentity(settings.identity);
	signal.throwIfAborted();
	const client = new ssh2.Client();
	const late = setTimeout(() => client.emit("error", lateError(settings, limitMs)), limitMs);
	const giveUp = () => client.emit("error", signal.reason);
	signal.addEventListener("abort", giveUp);
	try {
		await untilReady(client, settings, key);
		const channel = await execute(client);
		return { channel, end: () => void client.end().destroy() };
	} catch (error) {
		client.destroy();
		throw error;
	} finally {
		clearTimeout(late);
		signal.removeEventListener("abort", giveUp);
		// ssh2 may report the same trouble again; the channel's end tells what matters.
		client.removeAllListeners("error").on("error", () => client.destroy());
	}
}

function untilReady(client: ssh2.Client, settings: SshSettings, key: ParsedKey): Promise<void> {
	const { address: host, port, user: username, hostKeyType } = settings;
	const method: PublicKeyAuthMethod = { type: "publickey", username, key };
	let wrongKey: string | undefined;
	const verify = (hostKey: Buffer) => {
		const offered = sshFingerprint(hostKey);
		if (isSame(offered, settings.hostKey)) return true;
		wrongKey = offered;
		return false;
	};
	return new Promise((resolve, reject) => {
		client.once("ready", resolve);
		client.on("error", (error) => reject(explain(error, settings, wrongKey)));
		client.once("close", () => reject(unreachable(settings, "it closed the connection")));
		client.connect({
			host,
			port,
			username,
			hostVerifier: verify,
			authHandler: [method],
			// The limit of all steps together is the caller's.
			readyTimeout: 0,
			// A link that died in silence, as after sleep: noticed within half a minute.
			keepaliveInterval: 10_000,
			keepaliveCountMax: 2,
			algorithms: {
				kex: ["curve25519-sha256", "curve25519-sha256@libssh.org"],
				serverHostKey: HOST_KEY_ALGORITHMS[hostKeyType],
				cipher: ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"],
				hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"],
				compress: ["none"],
			},
		});
	});
}

function execute(client: ssh2.Client): Promise<ClientChannel> {
	return new Promise((resolve, reject) => {
		client.on("error", () => reject(noAnswer("the connection ended")));
		client.once("close", () => reject(noAnswer("the connection ended")));
		client.exec(COMMAND, (error, channel) => {
			if (error) return reject(noAnswer("the host did not start batond accept"));
			// What the command says beside its answers is nobody's here, and must not fill up.
			channel.stderr.resume();
			resolve(channel);
		});
	});
}

/** `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
function sshFingerprint(hostKey: Buffer): string {
	return `SHA256:${createHash("sha256").update(hostKey).digest("base64").replace(/=+$/, "")}`;
}

function isSame(offered: string, pinned: string): boolean {
	const [a, b] = [Buffer.from(offered), Buffer.from(pinned)];
	return a.length === b.length && timingSafeEqual(a, b);
}

async function readIdentity(path: string): Promise<ParsedKey> {
	const bytes = await readSmall(path, { maxBytes: IDENTITY_MAX_BYTES });
	if (bytes === undefined) {
		throw new BatonError("bad-settings", `the key file ${path} is missing`, {
			hint: "name this device's private key in the setting identity",
		});
	}
	await assertPrivate(path);
	const key = ssh2.utils.parseKey(bytes);
	if (key instanceof Error || !key.isPrivateKey() || key.type !== "ssh-ed25519") {
		throw new BatonError("bad-settings", `${path} is no ed25519 private key without a passphrase`, {
			hint: `make one: ssh-keygen -t ed25519 -N "" -f ${path}`,
		});
	}
	return key;
}

async function assertPrivate(path: string): Promise<void> {
	const { mode } = await lstat(path);
	if (process.platform === "win32" || (mode & 0o077) === 0) return;
	throw new BatonError("unsafe-path", `the key file ${path} can be read by other users`, {
		hint: `take that away: chmod 600 '${path}'`,
	});
}

function explain(
	error: Error & { level?: string },
	settings: SshSettings,
	wrongKey: string | undefined,
): BatonError {
	if (error instanceof BatonError) return error;
	const where = `${settings.address}:${settings.port}`;
	if (wrongKey !== undefined || /no matching host key/i.test(error.message)) {
		const offered = wrongKey ?? `no ${settings.hostKeyType} key at all`;
		return new BatonError(
			"host-key-changed",
			`${where} is not the host that was paired: it shows ${offered}, pinned is ${settings.hostKey}`,
			{
				hint: "nothing was sent; if you reinstalled it, compare the key there and pin the new one",
			},
		);
	}
	if (error.level === "client-authentication") {
		return new BatonError("key-refused", `${where} does not let this device's key in`, {
			hint: `look at the baton line in authorized_keys of ${settings.user} there`,
		});
	}
	return unreachable(settings, reasonOf(error));
}

/** Texts of the system and of ssh2 that are known to bear no more than their kind. */
function reasonOf(error: Error & { level?: string; code?: string }): string {
	switch (error.code) {
		case "ECONNREFUSED":
			return "nothing listens there";
		case "ENOTFOUND":
		case "EAI_AGAIN":
			return "its name is not known";
		case "EHOSTUNREACH":
		case "ENETUNREACH":
		case "ENETDOWN":
			return "there is no way to it";
		case "ETIMEDOUT":
			return "it does not answer";
		case "ECONNRESET":
		case "EPIPE":
			return "it cut the connection";
		default:
			return error.level === "handshake" ? "the SSH handshake failed" : "the connection failed";
	}
}

function unreachable({ address, port }: SshSettings, why: string): BatonError {
	return new BatonError("host-unreachable", `cannot reach ${address}:${port}: ${why}`, {
		hint: "look whether the host is up and its SSH port open",
	});
}

function lateError({ address, port }: SshSettings, limitMs: number): BatonError {
	const seconds = Math.round(limitMs / 1000);
	return new BatonError("host-unreachable", `cannot reach ${address}:${port} within ${seconds} s`, {
		hint: "look whether the host is up and its SSH port open",
	});
}
