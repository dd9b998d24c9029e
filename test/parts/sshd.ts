import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { type Child, startChild } from "./child-process.ts";
import { descendantsOf } from "./descendants.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { makeSshKey, type SshKey, sshFingerprintOf, writeSshKey } from "./ssh-key.ts";
import type { SshServer } from "./ssh-server.ts";

export interface SshdOptions {
	/** Lines of `authorized_keys`, options and all. */
	authorizedKeys: readonly string[];
	/** Where these lines stand; a file in a scratch folder unless given. Read at every login. */
	authorizedKeysFile?: string;
	/**
	 * Set in every session, over what the account would give. With HOME here a login lands in a
	 * scratch home instead of the account's own.
	 */
	environment?: Record<string, string>;
	/** Further lines of `sshd_config`. */
	settings?: readonly string[];
}

export interface Sshd extends SshServer {
	readonly authorizedKeysFile: string;
}

const SSHD = "/usr/sbin/sshd";
/** Where an sshd that runs as root confines its unprivileged half. */
const PRIVILEGE_FOLDER = "/run/sshd";
const READY_MS = 10_000;

/** Why a real sshd cannot run here; undefined when it can. */
export function sshdMissing(): string | undefined {
	if (process.platform !== "linux") return "sessions are found through /proc, which only Linux has";
	if (!existsSync(SSHD)) return `there is no ${SSHD}: install openssh-server`;
	if (process.getuid?.() !== 0) return undefined;
	try {
		mkdirSync(PRIVILEGE_FOLDER, { recursive: true, mode: 0o755 });
	} catch {
		return `${PRIVILEGE_FOLDER} cannot be made`;
	}
	return undefined;
}

/**
 * Starts the system's OpenSSH server with settings, keys and a port of its own. It lets in the
 * account that runs the test, and no other. Throws when `sshdMissing` or when it does not come up.
 */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
	const reason = sshdMissing();
	if (reason) throw new Error(reason);
	const scratch = makeScratch();
	const authorizedKeysFile = options.authorizedKeysFile ?? scratch.at("authorized_keys");
	writeFileSync(authorizedKeysFile, options.authorizedKeys.map((line) => `${line}\n`).join(""), {
		mode: 0o600,
	});
	const port = await freePort();
	let key = makeHostKey(scratch);
	writeSettings(scratch, settingsOf({ ...options, authorizedKeysFile }, scratch, port));
	let child: Child | undefined = await startDaemon(scratch, port);

	const stopDaemon = async () => {
		if (child) await stopWithSessions(child);
		child = undefined;
	};
	return {
		port,
		user: userInfo().username,
		authorizedKeysFile,
		get hostKeyFingerprint() {
			return sshFingerprintOf(key.publicKey);
		},
		get hostKeyLine() {
			return key.publicKey;
		},
		log: () => readLog(scratch),
		async restart({ newHostKey = false } = {}) {
			await stopDaemon();
			if (newHostKey) key = makeHostKey(scratch);
			child = await startDaemon(scratch, port);
		},
		async stop() {
			await stopDaemon();
			scratch.remove();
		},
	};
}

function settingsOf(
	options: SshdOptions & { authorizedKeysFile: string },
	scratch: Scratch,
	port: number,
): string[] {
	const environment = Object.entries(options.environment ?? {});
	return [
		"ListenAddress 127.0.0.1",
		`Port ${port}`,
		`HostKey ${scratch.at("host_key")}`,
		`AuthorizedKeysFile ${options.authorizedKeysFile}`,
		`AllowUsers ${userInfo().username}`,
		"PidFile none",
		"LogLevel VERBOSE",
		// The scratch folder lies under one that others may write to.
		"StrictModes no",
		"UsePAM no",
		"UseDNS no",
		"PermitRootLogin prohibit-password",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"LoginGraceTime 20",
		"MaxStartups 100",
		"Subsystem sftp internal-sftp",
		...(environment.length === 0
			? []
			: [`SetEnv ${environment.map(([name, value]) => `${name}="${value}"`).join(" ")}`]),
		...(options.settings ?? []),
	];
}

/** Newer servers shut out an address after failed logins; older ones refuse that very setting. */
function writeSettings(scratch: Scratch, settings: string[]): void {
	const path = scratch.at("sshd_config");
	for (const more of [["PerSourcePenalties no"], []]) {
		writeFileSync(path, `${[...settings, ...more].join("\n")}\n`);
		if (spawnSync(SSHD, ["-t", "-f", path]).status === 0) return;
	}
	throw new Error("sshd refuses its settings");
}

function makeHostKey(scratch: Scratch): SshKey {
	const key = makeSshKey();
	writeSshKey(key, scratch.at("host_key"));
	return key;
}

async function startDaemon(scratch: Scratch, port: number): Promise<Child> {
	const daemon = [SSHD, "-D", "-f", scratch.at("sshd_config"), "-E", scratch.at("log")];
	const child = await startChild({
		// The kernel ends it also when this process is killed and cannot clean up.
		argv: ["setpriv", "--pdeathsig", "KILL", ...daemon],
		serves: true,
	});
	for (const deadline = Date.now() + READY_MS; Date.now() < deadline; await pause(20)) {
		if (child.exit()) break;
		if (await greets(port)) return child;
	}
	await child.stop();
	throw new Error(`sshd did not come up: ${readLog(scratch).trim()}`);
}

/** Whether an SSH server answers on the port. */
function greets(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, "127.0.0.1");
		const settle = (outcome: boolean) => {
			socket.destroy();
			resolve(outcome);
		};
		socket.once("data", (data) => settle(data.toString("latin1").startsWith("SSH-2.0")));
		socket.once("error", () => settle(false));
		socket.once("close", () => settle(false));
	});
}

/** Sessions are in groups of their own and outlive the daemon, so they are found before it ends. */
async function stopWithSessions(child: Child): Promise<void> {
	const sessions = descendantsOf(child.pid);
	const stopped = child.stop();
	for (const pid of sessions) {
		try {
			process.kill(pid, "SIGKILL");
		} catch {
			// It ended with its parent.
		}
	}
	await stopped;
}

function readLog(scratch: Scratch): string {
	return existsSync(scratch.at("log")) ? readFileSync(scratch.at("log"), "utf8") : "";
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const address = server.address();
			const port = typeof address === "object" && address ? address.port : 0;
			server.close(() => resolve(port));
		});
	});
}
