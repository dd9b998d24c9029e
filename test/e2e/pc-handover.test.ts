/** The built `baton` against a host that says what it is told to say. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { CANARY_PATTERN, findLeaks } from "../parts/canary.ts";
import { type Child, stopAllChildren } from "../parts/child-process.ts";
import { makeScratch, removeAllScratch } from "../parts/scratch.ts";
import { CLAIMED, type ScriptedHost, startScriptedHost, WILLING } from "../parts/scripted-host.ts";
import { type BatonPc, makeBatonPc, storedRecord } from "./baton-pc.ts";

let pc: BatonPc;
let host: ScriptedHost;

beforeEach(async () => {
	pc = makeBatonPc();
	host = await startScriptedHost(makeScratch());
	pc.addHost("myvps", host.ssh, host.identity, { login: "follow-login" });
});
afterEach(async () => {
	await stopAllChildren();
	await host.ssh.stop();
});
afterAll(removeAllScratch);

const poll = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 20_000 });

/** What the PC's own store holds now. */
function refreshToken(): string | undefined {
	return pc.claude.read()?.claudeAiOauth?.refreshToken;
}

/** Silence up to a step, so that the process can be killed right there. */
async function killedAt(silent: string, asked: string[]): Promise<void> {
	host.says({ ...WILLING, [silent]: "silence" });
	const watch = await pc.watch();
	await pc.run("handover", "myvps", "--no-follow");
	await poll(() => host.asked()).toEqual(asked);
	watch.kill("SIGKILL");
	await watch.ended();
}

describe("a hand-over without a watcher", () => {
	test("tells its steps and what to do next", async () => {
		await pc.claude.login();
		const { stdout, stderr, code } = await pc.run("handover");
		expect([stdout, code]).toEqual(["handed over to myvps\n", 0]);
		expect(stderr.trim().split("\n")).toEqual([
			"login seen",
			"offered",
			"taken",
			"delivered",
			"claimed, generation 1",
			"next: run /login once more in claude on this PC, for the PC itself",
		]);
		expect(refreshToken()).toBe("");
		expect(pc.escrows()).toEqual([]);
		expect(host.asked()).toEqual(["offer", "deliver", "custody", "erased"]);
	});

	test("ends with 10 where there is no login, and with 11 when it is declined", async () => {
		expect(await pc.facts("handover", "myvps")).toMatchObject({ ok: false, result: "no-login" });
		await pc.claude.login();
		const token = refreshToken();
		host.says({ ...WILLING, offer: { type: "decline", reason: "healthy" } });
		const { code, stdout, stderr } = await pc.run("handover", "myvps");
		expect([code, stdout]).toEqual([11, "myvps declined: the login it has is in good order\n"]);
		expect(stderr).toContain("baton handover myvps --replace");
		const again = await pc.run("handover", "myvps", "--store", "normal");
		expect(again.stderr).toContain("baton handover myvps --store normal --replace");
		expect(refreshToken()).toBe(token);
	});

	test("ends with 12 at a host with another key, and touches nothing", async () => {
		await pc.claude.login();
		const token = refreshToken();
		await host.ssh.restart({ newHostKey: true });
		const { code, stderr } = await pc.run("handover", "myvps");
		expect(code).toBe(12);
		expect(stderr).toContain("is not the host that was paired");
		expect(refreshToken()).toBe(token);
		expect(host.asked()).toEqual([]);
	});

	test("that is interrupted in transit can be taken back", async () => {
		await pc.claude.login();
		const token = refreshToken();
		host.says({ ...WILLING, custody: { type: "staged" } });
		const handover = await pc.start("handover", "myvps");
		await handover.line(/delivered/);
		handover.kill("SIGINT");
		expect((await handover.ended()).code).toBe(1);
		expect(handover.stderr()).toContain("interrupted; what has begun goes on");
		expect(refreshToken()).toBe("");
		expect(await pc.facts("status")).toMatchObject({ hosts: [{ holder: "in-transit" }] });
		const back = await pc.run("take-back", "myvps");
		expect([back.code, back.stdout]).toEqual([
			0,
			"the login is back on this PC: it was taken back\n",
		]);
		expect(refreshToken()).toBe(token);
		expect(pc.escrows()).toEqual([]);
	});
});

describe("baton watch", () => {
	test("hands over the next login after a permit, and leaves the one after it alone", async () => {
		await pc.claude.login();
		await pc.watch();
		const own = refreshToken();
		const handover = await pc.start("handover", "myvps", "--next-login");
		await handover.line(/run \/login in claude/);
		expect(refreshToken()).toBe(own);
		await pc.claude.login();
		expect((await handover.ended()).code).toBe(0);
		expect(handover.stdout()).toBe("handed over to myvps\n");
		expect(refreshToken()).toBe("");
		await pc.claude.login();
		const third = refreshToken();
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		expect(refreshToken()).toBe(third);
		expect(host.asked().filter((type) => type === "deliver")).toHaveLength(1);
	});

	test("closes a permit that is taken back, and says so", async () => {
		await pc.claude.login();
		await pc.watch();
		const handover = await pc.start("handover", "myvps", "--next-login");
		await handover.line(/run \/login in claude/);
		const { stdout, code } = await pc.run("take-back", "myvps");
		expect([stdout, code]).toEqual(["the permit for myvps is closed\n", 0]);
		expect(await handover.ended()).toMatchObject({ code: 0 });
		await pc.claude.login();
		await new Promise((resolve) => setTimeout(resolve, 1_000));
		expect(host.asked()).toEqual([]);
	});

	test("hands over each login made in a host's own folder", async () => {
		pc.addHost("other", host.ssh, host.identity);
		await pc.watch();
		const claude = pc.claudeFor("other");
		await claude.login();
		await poll(() => claude.read()).toBeUndefined();
		await poll(() => host.asked()).toContain("erased");
		expect(pc.escrows()).toEqual([]);
	});

	test("heeds the host's own need, once", async () => {
		const need = { id: "need-1", reason: "none-yet" };
		host.says({ ...WILLING, status: { type: "status", state: "none", need } });
		await pc.claude.login();
		const watch = await pc.watch();
		await watch.line(/the host needs a login/);
		await poll(() => pc.facts("status")).toMatchObject({ permit: { host: "myvps", by: "host" } });
		await pc.claude.login();
		await poll(refreshToken).toBe("");
	});

	test("tries again until the host is up", async () => {
		await pc.claude.login();
		await host.ssh.stop();
		const watch = await pc.watch();
		await watch.line(/no answer from the host/);
		const handover = await pc.start("handover", "myvps");
		await handover.line(/no answer: cannot reach/);
		await host.ssh.restart();
		expect((await handover.ended(20_000)).code).toBe(0);
	});

	test("disarms a copy that comes back", async () => {
		await pc.claude.login();
		const copy = readFileSync(pc.claude.credentialsPath);
		const watch = await pc.watch();
		await pc.run("handover", "myvps");
		writeFileSync(pc.claude.credentialsPath, copy);
		await poll(refreshToken).toBe("");
		await watch.line(/a copy of a login handed over before came back/);
		expect((await pc.run("handover", "myvps")).code).toBe(10);
	});

	test("ends well on Ctrl-C and lets go of everything", async () => {
		const watch = await pc.watch();
		const second = await pc.run("watch");
		expect(second.code).toBe(1);
		expect(second.stderr).toContain("already serves");
		watch.kill("SIGINT");
		expect(await watch.ended()).toEqual({ code: 0, signal: null });
		expect(await pc.facts("status")).toMatchObject({ watcher: { running: false } });
		const third = await pc.watch();
		third.kill("SIGTERM");
		expect((await third.ended()).code).toBe(0);
	});
});

describe("killed", () => {
	async function goesOn(): Promise<Child> {
		const watch = await pc.watch();
		await poll(() => host.asked()).toContain("erased");
		await poll(() => storedRecord(pc).handovers).toEqual([]);
		expect(refreshToken()).toBe("");
		expect(pc.escrows()).toEqual([]);
		return watch;
	}

	test("before the answer to the offer, it offers again", async () => {
		await pc.claude.login();
		await killedAt("offer", ["offer"]);
		expect(refreshToken()).not.toBe("");
		host.says(WILLING);
		await goesOn();
	});

	test("before the answer to the delivery, it asks first, and delivers what is not known", async () => {
		await pc.claude.login();
		await killedAt("deliver", ["offer", "deliver"]);
		expect([refreshToken(), pc.escrows().length]).toEqual(["", 1]);
		host.says({ ...WILLING, custody: { type: "unknown" }, deliver: CLAIMED });
		await goesOn();
		expect(host.asked().slice(2)).toEqual(["custody", "offer", "deliver", "erased"]);
	});

	test("before the answer about custody, it asks again and delivers nothing", async () => {
		await pc.claude.login();
		await killedAt("custody", ["offer", "deliver", "custody"]);
		host.says(WILLING);
		await goesOn();
		expect(host.asked().filter((type) => type === "deliver")).toHaveLength(1);
	});

	test("in transit at a host that gave up, it puts the login back", async () => {
		await pc.claude.login();
		const token = refreshToken();
		await killedAt("custody", ["offer", "deliver", "custody"]);
		host.says({ ...WILLING, custody: { type: "not-taken", reason: "other-account" } });
		await pc.watch();
		await poll(refreshToken).toBe(token);
		await poll(() => pc.escrows()).toEqual([]);
	});

	test("in transit with another login in its place since, it keeps it and says so", async () => {
		await pc.claude.login();
		await killedAt("custody", ["offer", "deliver", "custody"]);
		await pc.claude.login();
		const other = refreshToken();
		host.says({ ...WILLING, custody: { type: "not-taken", reason: "dead" } });
		const watch = await pc.watch();
		await watch.line(/kept in escrow/);
		expect(refreshToken()).toBe(other);
		expect(pc.escrows()).toHaveLength(1);
		// However the terminal's width breaks it.
		const words = (await pc.run("status")).stdout.replace(/\s+/g, " ");
		expect(words).toContain("kept in escrow");
	});
});

describe("bad input", () => {
	test.each<[string, (text: string) => string, string]>([
		["cut short", (text) => text.slice(0, -30), "is cut short"],
		["changed by hand", (text) => text.replace('"pending"', '"claimed"'), "checksum"],
		["of a newer version", (text) => text.replace('"version":1', '"version":2'), "newer version"],
		["of something else", () => "{}", "no state file"],
	])("a state file %s is refused and left alone", async (_what, spoil, said) => {
		await pc.claude.login();
		await killedAt("offer", ["offer"]);
		const spoilt = spoil(readFileSync(pc.recordFile, "utf8"));
		writeFileSync(pc.recordFile, spoilt);
		for (const command of ["watch", "status", "handover"]) {
			const { code, stderr } = await pc.run(command);
			expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
			expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(12);
		}
		expect(readFileSync(pc.recordFile, "utf8")).toBe(spoilt);
	});

	test("settings with an unknown key are refused with a suggestion", async () => {
		writeFileSync(pc.configFile, JSON.stringify({ host: {} }));
		const { code, stderr, stdout } = await pc.run("status", "--json");
		expect(code).toBe(2);
		expect(stderr).toContain("did you mean hosts?");
		expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "bad-settings" } });
	});

	test.each([
		[["handovr"], "handover"],
		[["handover", "--next-logn"], "--next-login"],
		[["handover", "myvsp"], "myvps"],
		[["status", "nobody"], "myvps"],
		[["take-back"], "host"],
		[[], "which command"],
	])("%j is refused, with %s for a hint", async (args, hint) => {
		const { code, stderr, stdout } = await pc.run(...args);
		expect([code, stdout]).toEqual([2, ""]);
		expect(stderr).toContain(hint);
	});
});

test("no token is anywhere but where it belongs", async () => {
	await pc.claude.login();
	host.says({ ...WILLING, custody: { type: "staged" } });
	const watch = await pc.watch();
	const handover = await pc.start("handover", "myvps");
	await handover.line(/delivered/);
	const status = await pc.run("status");
	const facts = await pc.run("status", "--json");
	const texts = {
		watch: watch.stdout() + watch.stderr(),
		handover: handover.stdout() + handover.stderr(),
		status: status.stdout + status.stderr + facts.stdout + facts.stderr,
	};
	const leaks = findLeaks({
		pattern: CANARY_PATTERN,
		texts,
		paths: [pc.scratch.path],
		allowed: [pc.claude.credentialsPath],
		pids: [watch.pid, handover.pid],
	});
	expect(leaks).toEqual([]);
	expect(pc.escrows()).toHaveLength(1);
});
