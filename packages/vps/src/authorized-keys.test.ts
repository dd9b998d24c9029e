import { expect, test } from "vitest";
import { findDevices, withoutLines } from "./authorized-keys.ts";

const KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDJbBFr6Ufr6nNqLnMjUHi4Z6A2i7CrR9Wy0gxv0HPFs";
const OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const LINE = (options: string, key = KEY) => `${options} ssh-ed25519 ${key} baton:x`;
const ACCEPT = 'command="/home/me/.local/bin/batond accept --device laptop"';

function devicesIn(...lines: string[]) {
	return findDevices(Buffer.from(`${lines.join("\n")}\n`, "latin1"));
}

test.each<[what: string, line: string, device: string | undefined, loose?: string[]]>([
	["as the README has it", LINE(`restrict,${ACCEPT}`), "laptop"],
	["restrict at the end", LINE(`${ACCEPT},restrict`), "laptop"],
	["in capitals", LINE(`RESTRICT,${ACCEPT.replace("command", "Command")}`), "laptop"],
	["after blanks, with CRLF", `\t  ${LINE(`restrict,${ACCEPT}`)}\r`, "laptop"],
	["more blanks before the key", `restrict,${ACCEPT} \t ssh-ed25519   ${KEY}`, "laptop"],
	[
		"each word quoted, with other places",
		LINE(
			`restrict,command="'/usr/bin/node' '/x y/batond.mjs' 'accept' '--device' 'a.b' '--state' '/s'"`,
		),
		"a.b",
	],
	["escaped quotes", LINE(`restrict,command="\\"/o p/batond\\" accept --device=pc-1"`), "pc-1"],
	["the flag before other options", LINE(`from="10.0.0.0/8,::1",restrict,${ACCEPT}`), "laptop"],
	["no restrict", LINE(ACCEPT), "laptop", ["unrestricted"]],
	["restrict, taken back", LINE(`restrict,${ACCEPT},port-forwarding`), "laptop", ["loosened"]],
	["leave before restrict", LINE(`pty,restrict,${ACCEPT}`), "laptop"],
	[
		"another command behind",
		LINE(`restrict,command="batond accept --device laptop; sh"`),
		"laptop",
		["other-command"],
	],
	[
		"restrict within a value only",
		LINE(`environment="A=restrict,b",${ACCEPT}`),
		"laptop",
		["unrestricted"],
	],
	["no device", LINE(`restrict,command="batond accept"`), undefined],
	["a device that is none", LINE(`restrict,command="batond accept --device ../x"`), undefined],
	["another command", LINE(`restrict,command="batond status --device laptop"`), undefined],
	["another program", LINE(`restrict,command="notbatond accept --device laptop"`), undefined],
	["no command", LINE("restrict"), undefined],
	["a comment", `#${LINE(`restrict,${ACCEPT}`)}`, undefined],
	["only its words in the comment", `ssh-ed25519 ${KEY} batond accept --device laptop`, undefined],
	["an option that sshd does not know", LINE(`restrict,odd=1,${ACCEPT}`), undefined],
	["no key", `restrict,${ACCEPT} ssh-ed25519`, undefined],
	["a quote that never ends", LINE(`restrict,command="batond accept --device laptop`), undefined],
])("%s", (_what, line, device, loose = []) => {
	const found = devicesIn("", "# mine", LINE("", OTHER).trim(), line);
	expect(found.map((one) => [one.device, one.line, one.loose])).toEqual(
		device === undefined ? [] : [[device, 4, loose]],
	);
});

test("a key that also stands in a line without the command is told of, wherever that is", () => {
	const paired = LINE(`restrict,${ACCEPT}`);
	const [before] = devicesIn(`ssh-ed25519 ${KEY} me`, paired);
	const [after] = devicesIn(paired, LINE("pty"));
	expect([before?.loose, after?.loose]).toEqual([["other-line"], ["other-line"]]);
	// Two devices by one key are odd, but neither opens a shell.
	const desktop = LINE(`restrict,${ACCEPT.replace("laptop", "desktop")}`);
	expect(devicesIn(paired, desktop).map(({ loose }) => loose)).toEqual([[], []]);
});

test("the fingerprint is the one that ssh-keygen prints", () => {
	const [found] = devicesIn(LINE(`restrict,${ACCEPT}`));
	expect(found?.fingerprint).toBe("SHA256:GzyWzTeudfNx0kdhN8ph82wM7oRZSf6aCh5O22jYVcs");
});

test("taking lines out leaves every other byte", () => {
	const paired = LINE(`restrict,${ACCEPT}`);
	const odd = Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0x0a, 0x09]);
	const head = Buffer.concat([Buffer.from("# kept\r\n\n"), odd]);
	const tail = Buffer.from(`\nssh-ed25519 ${OTHER} last, no newline`);
	const file = Buffer.concat([head, Buffer.from(`\n${paired}\n${paired}`), tail]);
	const left = withoutLines(file, findDevices(file));
	expect(left.equals(Buffer.concat([head, Buffer.from("\n"), tail.subarray(1)]))).toBe(true);
	const atEnd = Buffer.from(`# kept\n${paired}`);
	expect(withoutLines(atEnd, findDevices(atEnd)).toString()).toBe("# kept\n");
});

test("a file of a megabyte that means nothing is soon read", () => {
	const nasty = `restrict,command="${'\\"a'.repeat(300_000)}`;
	expect(devicesIn(nasty, LINE(`restrict,${ACCEPT}`))).toHaveLength(1);
	expect(devicesIn(`${"a,".repeat(400_000)} ssh-ed25519 ${KEY}`)).toEqual([]);
});
