import { once } from "node:events";
import { createServer } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { runChild, startChild, stopAllChildren } from "./child-process.ts";
import { startEmbeddedSshd } from "./embedded-sshd.ts";
import { isRunning } from "./is-running.ts";
import { makeScratch, removeAllScratch } from "./scratch.ts";
import { sshArgv } from "./ssh-client.ts";
import { makeSshKey, type SshKey, sshFingerprintOf, writeSshKey } from "./ssh-key.ts";
import type { SshServer } from "./ssh-server.ts";
import { sshdMissing, startSshd } from "./sshd.ts";

/**
 * What the paired key runs in these tests: says who it is, what was asked and whether it has a
 * terminal, then returns its input, and ends with 3.
 */
const PROGRAM = [
	"console.log('forced ' + process.pid + ' ' + process.env.SSH_ORIGINAL_COMMAND)",
	"console.log('mark ' + process.env.MARK)",
	"console.log('terminal ' + !!process.stdout.isTTY)",
	"console.error('aside')",
	"process.stdin.pipe(process.stdout)",
	"process.exitCode = 3",
].join(";");

const key = makeSshKey();

interface Kind {
	name: string;
	missing: string | undefined;
	start(): Promise<SshServer>;
}

const KINDS: Kind[] = [
	{
		name: "sshd",
		missing: sshdMissing(),
		start: () => {
			const command = `env MARK=m ${process.execPath} -e \\"${PROGRAM}\\"`;
			const line = `restrict,command="${command}" ${key.publicKey} baton:part`;
			return startSshd({ authorizedKeys: [line] });
		},
	},
	{
		name: "embedded sshd",
		missing: undefined,
		start: () =>
			startEmbeddedSshd({
				authorizedKey: key.publicKey,
				command: [process.execPath, "-e", PROGRAM],
				env: { MARK: "m" },
			}),
	},
];

afterEach(stopAllChildren);
afterAll(removeAllScratch);

describe.each(KINDS)("$name", ({ start, missing }) => {
	// A line of its own, so that a run without sshd is not taken for one with it.
	if (missing) return void test.skip(`cannot run here: ${missing}`);

	let server: SshServer;
	const scratch = makeScratch();
	const line = (flags: string[], asked: string[] = [], as: SshKey = key) => {
		const [program, ...args] = sshArgv(server, as, scratch);
		return [program, ...flags, ...args, ...asked] as [string, ...string[]];
	};
	const ssh = (flags: string[], asked: string[] = [], input = "", as: SshKey = key) =>
		runChild({ argv: line(flags, asked, as), input });

	beforeAll(async () => {
		server = await start();
	});
	afterAll(() => server.stop());

	test("the forced command runs, whatever is asked", async () => {
		const ended = await ssh([], ["cat", "/etc/passwd"], "in\n");
		expect(ended.stdout).toMatch(/^forced \d+ cat \/etc\/passwd\nmark m\nterminal false\nin\n$/);
		expect([ended.stderr, ended.code]).toEqual(["aside\n", 3]);
	});

	test("a shell is the forced command", async () => {
		const { stdout } = await ssh([], [], "echo shell\n");
		expect(stdout).toMatch(/^forced \d+ undefined\nmark m\nterminal false\necho shell\n$/);
	});

	test("much passes in both directions unharmed", async () => {
		const much = `${"0123456789abcdef".repeat(32 * 1024)}\n`;
		const { stdout } = await ssh([], ["x"], much);
		expect(stdout.endsWith(`false\n${much}`)).toBe(true);
	});

	test("a terminal is refused", async () => {
		const ended = await ssh(["-tt"], ["x"]);
		expect([ended.code, ended.stdout]).toEqual([255, ""]);
		expect(ended.stderr).toContain("PTY allocation request failed");
	});

	test("forwarding is refused in both directions", async () => {
		const target = createServer().listen(0, "127.0.0.1");
		await once(target, "listening");
		const accepted = vi.fn();
		target.on("connection", accepted);
		const { port } = target.address() as { port: number };
		const there = await ssh(["-W", `127.0.0.1:${port}`]);
		expect([there.code, there.stdout]).toEqual([255, ""]);
		const back = ["-o", "ExitOnForwardFailure=yes", "-R", `127.0.0.1:0:127.0.0.1:${port}`];
		expect((await ssh(back, ["x"])).code).toBe(255);
		expect(accepted).not.toHaveBeenCalled();
		target.close();
	});

	test("file transfer gets no answer of its kind", async () => {
		const initialise = "\u0000\u0000\u0000\u0005\u0001\u0000\u0000\u0000\u0003";
		const { stdout } = await ssh(["-s"], ["sftp"], initialise);
		expect(stdout === "" || stdout.startsWith("forced")).toBe(true);
	});

	test("another key is refused", async () => {
		const ended = await ssh([], ["x"], "", makeSshKey());
		expect([ended.code, ended.stdout]).toEqual([255, ""]);
		expect(ended.stderr).toContain("Permission denied");
	});

	test("the fingerprint is the one that ssh-keygen names", async () => {
		const path = scratch.at("host.pub");
		writeSshKey({ privateKey: `${server.hostKeyLine}\n`, publicKey: "" }, path);
		const { stdout } = await runChild({ argv: ["ssh-keygen", "-l", "-f", path] });
		expect(stdout.split(" ")[1]).toBe(server.hostKeyFingerprint);
		expect(server.hostKeyFingerprint).toBe(sshFingerprintOf(server.hostKeyLine));
	});

	test("a restart cuts the session and keeps port and key", async () => {
		const [port, fingerprint] = [server.port, server.hostKeyFingerprint];
		const session = await startChild({ argv: line([], ["x"]) });
		const pid = Number((await session.line(/^forced/)).split(" ")[1]);
		await server.restart();
		expect((await session.ended()).code).toBe(255);
		await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
		expect([server.port, server.hostKeyFingerprint]).toEqual([port, fingerprint]);
		expect((await ssh([], ["x"])).code).toBe(3);
	});

	test("after a restart with another host key a client that pinned the old one stops", async () => {
		const pinned = line([], ["x"]);
		const old = server.hostKeyFingerprint;
		await server.restart({ newHostKey: true });
		expect(server.hostKeyFingerprint).not.toBe(old);
		const ended = await runChild({ argv: pinned });
		expect([ended.code, ended.stdout]).toEqual([255, ""]);
		expect((await ssh([], ["x"])).code).toBe(3);
	});

	test("the log tells of logins", async () => {
		await ssh([], ["x"]);
		expect(server.log()).toMatch(/accepted publickey/i);
	});

	test("after stop the port is free and the command gone", async () => {
		const other = await start();
		const [program, ...args] = sshArgv(other, key, makeScratch());
		const session = await startChild({ argv: [program, ...args, "x"] });
		const pid = Number((await session.line(/^forced/)).split(" ")[1]);
		await other.stop();
		await other.stop();
		expect((await session.ended()).code).toBe(255);
		await vi.waitFor(() => expect(isRunning(pid)).toBe(false));
		const free = createServer().listen(other.port, "127.0.0.1");
		await once(free, "listening");
		free.close();
	});
});

describe.skipIf(sshdMissing() !== undefined)("sshd alone", () => {
	test("a login without a forced command lands in the home it was given", async () => {
		const home = makeScratch();
		const server = await startSshd({
			authorizedKeys: [key.publicKey],
			environment: { HOME: home.path },
		});
		const argv = sshArgv(server, key, makeScratch());
		const { stdout } = await runChild({ argv: [...argv, "echo $HOME; cd && pwd"] });
		expect(stdout).toBe(`${home.path}\n${home.path}\n`);
		await server.stop();
	});
});
