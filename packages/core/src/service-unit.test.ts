import { describe, expect, test } from "vitest";
import { type Sandbox, sandboxProperties, serviceUnit, type UnitFacts } from "./service-unit.ts";

const FACTS: UnitFacts = {
	command: ["/usr/bin/node", "/home/me/.local/lib/batond/batond.mjs", "serve"],
	sandbox: "full",
	reasons: [],
	writable: [],
	privateTmp: true,
	changesGroups: false,
	requestLimit: 120_000,
	credential: undefined,
	systemdVersion: 252,
};

const linesOf = (facts: Partial<UnitFacts>) => serviceUnit({ ...FACTS, ...facts }).split("\n");

test("it keeps a refresh alive, and feeds no restart storm", () => {
	const lines = linesOf({});
	expect(lines).toEqual(
		expect.arrayContaining([
			"Type=notify",
			"NotifyAccess=all",
			"ExecStart=/usr/bin/node /home/me/.local/lib/batond/batond.mjs serve",
			"ExecReload=+/bin/kill -HUP $MAINPID",
			"Restart=on-failure",
			"RestartPreventExitStatus=2",
			"RestartSec=30",
			"WatchdogSec=180",
			"WatchdogSignal=SIGKILL",
			"TimeoutStopSec=150",
			"KillMode=process",
			"OOMPolicy=continue",
			"LimitCORE=0",
			"UMask=0077",
		]),
	);
	expect(lines).not.toContain("MemoryDenyWriteExecute=yes");
	expect(lines.some((line) => /^(ProtectHome|ProtectProc)=/.test(line))).toBe(false);
});

test("a stop waits longer than a refresh may take", () => {
	expect(linesOf({ requestLimit: 600_500 })).toContain("TimeoutStopSec=631");
});

test("a newer systemd waits longer from one restart to the next", () => {
	expect(linesOf({ systemdVersion: 254 })).toEqual(
		expect.arrayContaining(["RestartSec=10", "RestartSteps=5", "RestartMaxDelaySec=300"]),
	);
});

test("a key that is sealed is given to the service", () => {
	const credential = { name: "batond.key", file: "/home/me/.config/baton/100% mine.sealed" };
	expect(linesOf({ credential })).toContain(
		"LoadCredentialEncrypted=batond.key:/home/me/.config/baton/100%% mine.sealed",
	);
	expect(serviceUnit(FACTS)).not.toContain("Credential");
});

describe("words reach the program as they are", () => {
	test.each([
		["/home/me/a b/x.mjs", '"/home/me/a b/x.mjs"'],
		["/home/$me/100%", "/home/$$me/100%%"],
		['a"b\\c', '"a\\"b\\\\c"'],
		["ä", '"ä"'],
		["a\nb", '"a\\nb"'],
	])("%j", (word, written) => {
		expect(linesOf({ command: ["/n", word] })).toContain(`ExecStart=/n ${written}`);
	});
});

describe("the sandbox", () => {
	const has = (sandbox: Sandbox, needs: Partial<UnitFacts> = {}) =>
		sandboxProperties(sandbox, { ...FACTS, ...needs });

	test("has three sizes, each within the next", () => {
		expect(has("none")).toEqual([]);
		expect(has("filters")).toContain("NoNewPrivileges=yes");
		expect(has("filters").join()).not.toMatch(/Private|Protect/);
		expect(has("full")).toEqual(expect.arrayContaining(has("filters")));
		expect(has("full")).toContain("PrivateUsers=yes");
	});

	test("lets a file be given its group where that is needed", () => {
		expect(has("filters").at(-1)).toBe("SystemCallErrorNumber=EPERM");
		expect(has("filters", { changesGroups: true })).toContain("SystemCallFilter=@chown");
	});

	test("leaves a sink its folder", () => {
		const writable = ["/etc/my agent"];
		expect(has("full", { writable })).toContain('ReadWritePaths="-/etc/my agent"');
		expect(has("filters", { writable }).join()).not.toContain("agent");
	});

	test("leaves what lies in /tmp to be seen", () => {
		expect(has("full")).toContain("PrivateTmp=yes");
		expect(has("full", { privateTmp: false })).not.toContain("PrivateTmp=yes");
	});

	test("is said to be smaller, and why, in one line", () => {
		const lines = linesOf({ sandbox: "none", reasons: ["no sandbox:\nthe command"] });
		expect(lines).toContain("# no sandbox: the command");
		expect(lines.join()).not.toContain("NoNewPrivileges");
	});
});
