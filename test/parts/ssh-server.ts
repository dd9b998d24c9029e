/** An SSH server on 127.0.0.1 that lets in named keys only. */
export interface SshServer {
	readonly port: number;
	/** The account a client must name. */
	readonly user: string;
	/** `SHA256:…` without padding, as `ssh-keygen -l` prints it. */
	readonly hostKeyFingerprint: string;
	/** `ssh-ed25519 AAAA…`. */
	readonly hostKeyLine: string;
	/** What the server said so far, through all its restarts. */
	log(): string;
	/** Cuts every session and listens again on the same port, if asked as a host with another key. */
	restart(options?: { newHostKey?: boolean }): Promise<void>;
	/** Cuts every session, kills what runs in them, and frees the port. Safe to call twice. */
	stop(): Promise<void>;
}
