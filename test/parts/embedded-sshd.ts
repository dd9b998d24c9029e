import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { userInfo } from "node:os";
import ssh2, { type AuthContext, type Connection, type Server, type ServerChannel } from "ssh2";
import { makeSshKey, sshFingerprintOf } from "./ssh-key.ts";
import type { SshServer } from "./ssh-server.ts";

export interface EmbeddedSshdOptions {
	/** The one key that is let in: `ssh-ed25519 AAAA…`. */
	authorizedKey: string;
	/** What runs whatever the client asks for: program and arguments, no shell. */
	command: readonly [string, ...string[]];
	/** The command's whole environment but PATH, LANG and SSH_ORIGINAL_COMMAND. */
	env?: Record<string, string>;
}

/** Before its key is accepted a connection may live this long. */
const LOGIN_MS = 20_000;

/**
 * Starts an SSH server inside this process, for a machine without sshd. It behaves as OpenSSH does
 * for a key with `restrict,command="…"`: the one command runs, terminals, forwarding and file
 * transfer are refused.
 */
export async function startEmbeddedSshd(options: EmbeddedSshdOptions): Promise<SshServer> {
	const user = userInfo().username;
	const lines: string[] = [];
	const sessions = new Set<ChildProcess>();
	const connections = new Set<Connection>();
	const welcome = (connection: Connection) => {
		connections.add(connection);
		connection.once("close", () => connections.delete(connection));
		serve(connection, { ...options, user, sessions, log: (line) => lines.push(line) });
	};
	let key = makeSshKey();
	let server = await listen(key.privateKey, welcome, 0);
	const { port } = server.address() as AddressInfo;

	const stop = async () => {
		const closed = once(server, "close");
		if (server.address() === null) return;
		server.close();
		for (const connection of connections) connection.end();
		for (const child of sessions) child.kill("SIGKILL");
		await closed;
	};
	return {
		port,
		user,
		get hostKeyFingerprint() {
			return sshFingerprintOf(key.publicKey);
		},
		get hostKeyLine() {
			return key.publicKey;
		},
		log: () => lines.map((line) => `${line}\n`).join(""),
		async restart({ newHostKey = false } = {}) {
			await stop();
			if (newHostKey) key = makeSshKey();
			server = await listen(key.privateKey, welcome, port);
		},
		stop,
	};
}

interface Serving extends EmbeddedSshdOptions {
	user: string;
	/** The commands that run now. */
	sessions: Set<ChildProcess>;
	log(line: string): void;
}

async function listen(
	hostKey: string,
	welcome: (connection: Connection) => void,
	port: number,
): Promise<Server> {
	const server = new ssh2.Server({ hostKeys: [hostKey] }, welcome);
	server.maxConnections = 32;
	server.listen(port, "127.0.0.1");
	await once(server, "listening");
	return server;
}

/** What no listener is set for, ssh2 refuses: pty, environment, forwarding, agent, subsystems. */
function serve(connection: Connection, serving: Serving): void {
	const late = setTimeout(() => connection.end(), LOGIN_MS);
	connection.on("error", (error) => serving.log(`connection ended: ${error.message}`));
	connection.once("close", () => clearTimeout(late));
	connection.on("authentication", (attempt) => judge(attempt, serving));
	connection.once("ready", () => {
		clearTimeout(late);
		serving.log("accepted publickey");
		connection.on("session", (acceptSession) => {
			const session = acceptSession();
			session.once("exec", (accept, _reject, { command }) => {
				runCommand(accept(), command, serving);
			});
			session.once("shell", (accept) => runCommand(accept(), undefined, serving));
		});
	});
}

function judge(attempt: AuthContext, { user, authorizedKey, log }: Serving): void {
	if (attempt.method === "publickey" && attempt.username === user) {
		const key = ssh2.utils.parseKey(authorizedKey);
		if (!(key instanceof Error) && key.getPublicSSH().equals(attempt.key.data)) {
			// Without a signature the client only asks whether the key would do.
			const { signature, blob, hashAlgo } = attempt;
			if (!signature || (blob && key.verify(blob, signature, hashAlgo) === true)) {
				attempt.accept();
				return;
			}
		}
	}
	if (attempt.method !== "none") log(`refused ${attempt.method} for ${attempt.username}`);
	attempt.reject(["publickey"]);
}

function runCommand(channel: ServerChannel, asked: string | undefined, serving: Serving): void {
	const [program, ...args] = serving.command;
	const child = spawn(program, args, {
		env: {
			PATH: process.env.PATH ?? "",
			LANG: "C.UTF-8",
			...(asked === undefined ? {} : { SSH_ORIGINAL_COMMAND: asked }),
			...serving.env,
		},
	});
	serving.log(`started ${child.pid}`);
	serving.sessions.add(child);
	channel.pipe(child.stdin);
	child.stdout.pipe(channel, { end: false });
	child.stderr.pipe(channel.stderr, { end: false });
	for (const stream of [channel, child.stdin, child.stdout]) stream.on("error", () => undefined);
	child.once("error", (error) => endChannel(channel, 127, null, error.message, serving));
	child.once("close", (code, signal) => {
		serving.sessions.delete(child);
		endChannel(channel, code, signal, `ended ${child.pid}`, serving);
	});
	// As with sshd: a link that is cut ends the command's input, not the command.
	channel.once("close", () => child.stdin.end());
}

function endChannel(
	channel: ServerChannel,
	code: number | null,
	signal: NodeJS.Signals | null,
	line: string,
	serving: Serving,
): void {
	serving.log(line);
	if (channel.destroyed || channel.writableEnded) return;
	if (signal) channel.exit(signal.slice(3), false, "");
	else channel.exit(code ?? 255);
	channel.end();
}
