/** A host that is not the one that was paired, and a host that does not know this PC: nothing is given. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { makeSshKey } from "../../parts/ssh-key.ts";
import { startSshd } from "../../parts/sshd.ts";
import { outcomes, settled, whats } from "./milestones.ts";
import { HOST, type Stage } from "./stage.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

/** All that is on the PC is where it was: seen, and not touched. */
async function untouched(stage: Stage): Promise<void> {
	await until("it is pending", () => stage.steps()[0] === "pending");
	expect(stage.pc.escrows()).toEqual([]);
}

/** What `baton status` says, in one line. */
async function statusOf(stage: Stage): Promise<string> {
	const { stdout } = await stage.baton("status");
	return stdout.replace(/\s+/g, " ");
}

story(
	"another host key: nothing is offered, it says why, and goes on by itself",
	{},
	async (stage) => {
		const { pc, link, sshd } = stage;
		const service = await stage.serve();
		// It lets this PC in and would run batond: only its own key is another.
		const stranger = await startSshd({
			authorizedKeys: [readFileSync(sshd.authorizedKeysFile, "utf8").trim()],
		});
		try {
			link.lead(stranger.port);
			const watcher = await stage.watch();
			const login = await pc.claudeFor(HOST).login();
			await watcher.line(/"kind":"host-unreachable".*is not the host that was paired/);
			await untouched(stage);
			expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toEqual(login);

			const asked = await stage.baton("handover", HOST);
			expect([asked.code, asked.stdout]).toEqual([
				12,
				expect.stringContaining("is not the host that was paired"),
			]);
			for (const key of [stranger.hostKeyFingerprint, sshd.hostKeyFingerprint]) {
				expect(asked.stdout).toContain(key);
			}
			expect(asked.stderr).toContain("nothing was sent");
			const shown = await statusOf(stage);
			expect(shown).toContain("is not the host that was paired");
			expect(shown).toContain("to be offered; nothing has been touched");
			expect(shown).toContain(
				"nothing was sent; if you reinstalled it, compare the key there and pin the new one",
			);
			// Not even the name of this PC's key was told to the stranger.
			expect(stranger.log()).not.toMatch(/publickey/i);
			expect(whats(stage)).toEqual([]);

			link.lead(sshd.port);
			await watcher.line(/"kind":"handed-over"/, 20_000);
			await settled(stage);
			expect(await outcomes(stage)).toEqual(["rotated"]);
			return { running: [service, watcher], logins: [[login, "vps current"]] };
		} finally {
			await stranger.stop();
		}
	},
);

story("a key that is let in no more: the login stays, and goes once it is", {}, async (stage) => {
	const { pc, sshd } = stage;
	const service = await stage.serve();
	const allowed = readFileSync(sshd.authorizedKeysFile);
	writeFileSync(sshd.authorizedKeysFile, `${makeSshKey().publicKey} another\n`);
	const watcher = await stage.watch();
	const login = await pc.claudeFor(HOST).login();
	await watcher.line(/"kind":"host-unreachable".*does not let this device's key in/);
	await untouched(stage);
	expect(pc.claudeFor(HOST).read()?.claudeAiOauth).toEqual(login);

	const asked = await stage.baton("handover", HOST);
	expect([asked.code, asked.stdout]).toEqual([
		12,
		expect.stringContaining("does not let this device's key in"),
	]);
	const shown = await statusOf(stage);
	expect(shown).toContain("does not let this device's key in");
	expect(shown).toContain("look at the baton line in authorized_keys");
	expect(whats(stage)).toEqual([]);

	writeFileSync(sshd.authorizedKeysFile, allowed);
	await watcher.line(/"kind":"handed-over"/, 20_000);
	await settled(stage);
	expect(await outcomes(stage)).toEqual(["rotated"]);
	return { running: [service, watcher], logins: [[login, "vps current"]] };
});
