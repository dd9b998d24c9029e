import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock } from "@baton/io/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemdOf } from "./systemd.ts";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "batond-systemd-"));
	writeFileSync(join(folder, "told"), "");
	const notify = join(folder, "systemd-notify");
	writeFileSync(notify, `#!/bin/sh\necho "$1" >> '${join(folder, "told")}'\n`);
	chmodSync(notify, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const told = () => readFileSync(join(folder, "told"), "utf8").split("\n").slice(0, -1);
const times = (count: number) => expect.poll(told).toEqual(Array(count).fill("WATCHDOG=1"));

test("the watchdog is fed three times in its span, and only while the custody goes on", async () => {
	const clock = fakeClock();
	const environment = {
		PATH: `${folder}:/usr/bin:/bin`,
		NOTIFY_SOCKET: "/nowhere",
		WATCHDOG_USEC: "180000000",
	};
	const over = new AbortController();
	let goesOn = true;
	const fed = systemdOf(environment, clock).feedWatchdog(over.signal, () => goesOn);
	const round = async () => {
		await expect.poll(() => clock.sleepers).toBe(1);
		await clock.advance(60_000);
		await expect.poll(() => clock.sleepers).toBe(1);
	};
	await times(1);
	await round();
	await times(2);
	goesOn = false;
	await round();
	await round();
	await times(2);
	goesOn = true;
	await round();
	await times(3);
	over.abort();
	await fed;
});
