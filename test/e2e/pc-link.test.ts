import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import type { Request } from "@baton/core/protocol";
import { systemClock } from "@baton/io/clock";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { SshLink } from "../../packages/pc/src/link/ssh-link.ts";
import { DEFAULT_LINK_LIMITS, type SshSettings } from "../../packages/pc/src/link/ssh-settings.ts";
import { makeScratch, removeAllScratch, type Scratch } from "../parts/scratch.ts";
import { type ScriptedHost, startScriptedHost, WILLING } from "../parts/scripted-host.ts";
import { makeSshKey, writeSshKey } from "../parts/ssh-key.ts";
import { sshdMissing, startSshd } from "../parts/sshd.ts";

let scratch: Scratch;
let host: ScriptedHost;
const links: SshLink[] = [];

beforeEach(async () => {
	scratch = makeScratch();
	host = await startScriptedHost(scratch);
});
afterEach(async () => {
	for (const link of links.splice(0)) link.close();
	await host.ssh.stop();
	scratch.remove();
});
afterAll(removeAllScratch);

function linkTo(more: Partial<SshSettings> = {}, limits = {}): SshLink {
	const settings: SshSettings = {
		address: "127.0.0.1",
		port: host.ssh.port,
		user: host.ssh.user,
		hostKey: host.ssh.hostKeyFingerprint,
		hostKeyType: "ssh-ed25519",
		identity: host.identity,
		...more,
	};
	const link = new SshLink(settings, { ...DEFAULT_LINK_LIMITS, ...limits }, systemClock);
	links.push(link);
	return link;
}

let asked = 0;
function custody(): Request {
	asked += 1;
	const fp = "f".repeat(64);
	return { v: 1, id: `id-${asked}`, type: "custody", name: "default", holds: [], witness: [], fp };
}

function sessions(): number {
	return host.ssh.log().match(/accepted publickey/g)?.length ?? 0;
}

describe("requests", () => {
	test("follow each other over one connection, also at the same time", async () => {
		const link = linkTo();
		expect((await link.ask(custody())).type).toBe("claimed");
		const answers = await Promise.all([link.ask(custody()), link.ask(custody())]);
		expect(answers.map(({ type }) => type)).toEqual(["claimed", "claimed"]);
		expect(sessions()).toBe(1);
	});

	test("open another one after it was idle, closed or cut", async () => {
		const link = linkTo({}, { idle: 50 });
		await link.ask(custody());
		await systemClock.sleep(300);
		await link.ask(custody());
		expect(sessions()).toBe(2);
		link.close();
		await link.ask(custody());
		await host.ssh.restart();
		await systemClock.sleep(100);
		expect((await link.ask(custody())).type).toBe("claimed");
		expect(sessions()).toBe(4);
	});

	test("open another one before the host has had too many over the first", async () => {
		const link = linkTo();
		for (let n = 0; n < 65; n += 1) await link.ask(custody());
		expect(sessions()).toBe(2);
	});

	test("do not mind a talkative shell", async () => {
		host.prints("Last login: today\nWelcome!\n> ");
		expect((await linkTo().ask(custody())).type).toBe("claimed");
	});
});

describe.skipIf(sshdMissing() !== undefined)("with OpenSSH", () => {
	test("requests are answered under restrict and a forced command", async () => {
		const command = host.command.map((word) => `'${word}'`).join(" ");
		const line = `restrict,command="${command}" ${host.publicKey}`;
		const sshd = await startSshd({ authorizedKeys: [line] });
		const { port, user, hostKeyFingerprint: hostKey } = sshd;
		const link = linkTo({ port, user, hostKey });
		expect((await link.ask(custody())).type).toBe("claimed");
		const other = linkTo({ port, user });
		await expect(other.ask(custody())).rejects.toMatchObject({ code: "host-key-changed" });
		await sshd.stop();
	});
});

describe("a request fails", () => {
	test("at a host with another key, before anything was sent", async () => {
		const pinned = host.ssh.hostKeyFingerprint;
		await host.ssh.restart({ newHostKey: true });
		const asking = linkTo({ hostKey: pinned }).ask(custody());
		await expect(asking).rejects.toMatchObject({ code: "host-key-changed" });
		await expect(asking).rejects.toThrow(pinned);
		expect(sessions()).toBe(0);
	});

	test("at a host that has no key of the pinned kind", async () => {
		await expect(linkTo({ hostKeyType: "ssh-rsa" }).ask(custody())).rejects.toMatchObject({
			code: "host-key-changed",
		});
	});

	test("when the key is not let in", async () => {
		const other = scratch.at("other_key");
		writeSshKey(makeSshKey(), other);
		const asking = linkTo({ identity: other }).ask(custody());
		await expect(asking).rejects.toMatchObject({ code: "key-refused", exitCode: 12 });
	});

	test("when nothing listens, until something does", async () => {
		const link = linkTo();
		await host.ssh.stop();
		await expect(link.ask(custody())).rejects.toMatchObject({ code: "host-unreachable" });
		await host.ssh.restart();
		expect((await link.ask(custody())).type).toBe("claimed");
	});

	test("when what listens is silent, or no SSH server", async () => {
		for (const greeting of ["", "HTTP/1.1 400 Bad Request\r\n\r\n"]) {
			const server: Server = createServer((socket) => void socket.write(greeting));
			await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
			const { port } = server.address() as { port: number };
			const asking = linkTo({ port }, { connect: 1_500 }).ask(custody());
			await expect(asking).rejects.toMatchObject({ code: "host-unreachable" });
			server.close();
		}
	});

	test("when no answer comes in time", async () => {
		host.says({ ...WILLING, custody: "silence" });
		const asking = linkTo({}, { request: 1_500 }).ask(custody());
		await expect(asking).rejects.toMatchObject({ code: "timed-out" });
	});

	test("when the connection is cut before the answer", async () => {
		host.says({ ...WILLING, custody: "silence" });
		const link = linkTo();
		const asking = link.ask(custody());
		asking.catch(() => undefined);
		await expect.poll(() => host.asked()).toEqual(["custody"]);
		await host.ssh.restart();
		await expect(asking).rejects.toMatchObject({ exitCode: 12 });
	});

	test("with a key file that is missing, open to others, or no key", async () => {
		const missing = linkTo({ identity: scratch.at("none") }).ask(custody());
		await expect(missing).rejects.toMatchObject({ code: "bad-settings" });
		writeFileSync(scratch.at("text"), "no key", { mode: 0o600 });
		const text = linkTo({ identity: scratch.at("text") }).ask(custody());
		await expect(text).rejects.toMatchObject({ code: "bad-settings" });
		chmodSync(host.identity, 0o644);
		await expect(linkTo().ask(custody())).rejects.toMatchObject({ code: "unsafe-path" });
	});
});
