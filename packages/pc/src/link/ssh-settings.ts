/** What a connection to one host needs to know, and how long each part of it may take. */

import { SECOND } from "@baton/core/duration";

export type HostKeyType = "ssh-ed25519" | "ecdsa-sha2-nistp256" | "ssh-rsa";

export interface SshSettings {
	readonly address: string;
	readonly port: number;
	readonly user: string;
	/** `SHA256:…` as `ssh-keygen -l` prints it. Any other key ends the connection. */
	readonly hostKey: string;
	readonly hostKeyType: HostKeyType;
	/** The device's ed25519 private key in OpenSSH's format: a file. */
	readonly identity: string;
}

/** All in ms. */
export interface LinkLimits {
	/** From the first packet to a running command. */
	readonly connect: number;
	/** From a request to its answer; a claim at a slow provider is waited for by asking again. */
	readonly request: number;
	/** A connection nobody uses is kept this long for the next request. */
	readonly idle: number;
	/** The age from which a connection takes no more requests; the host ends it at two minutes. */
	readonly total: number;
}

export const DEFAULT_LINK_LIMITS: LinkLimits = {
	connect: 20 * SECOND,
	request: 30 * SECOND,
	idle: 10 * SECOND,
	total: 80 * SECOND,
};
