/**
 * `npm run unit-trial`: the service's unit under a real systemd, started as process 1 of a machine of its own: the full
 * sandbox, a login, a reload, a stop during a refresh, the watchdog. Needs root, and takes a minute.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { provideCommands } from "./demo/provide-commands.ts";
import { ROOT } from "./project.ts";

/** As root in the machine: makes a user whose services run without a session, and goes on as that user. */
const TRIAL = `#!/bin/sh
set -eu
useradd --create-home tester
loginctl enable-linger tester
uid=$(id -u tester)
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -S /run/user/$uid/bus ] && break; sleep 1; done
cd /opt/project
exec runuser -u tester -- env XDG_RUNTIME_DIR=/run/user/$uid HOME=/home/tester \\
	NODE --import tsx test/machine/unit-main.ts
`;

function run(): number {
	const folder = mkdtempSync(join(tmpdir(), "baton-machine-"));
	try {
		writeFileSync(join(folder, "trial"), TRIAL.replace("NODE", process.execPath), { mode: 0o755 });
		for (const [name, text] of [
			["output", ""],
			["code", "1"],
		] as const) {
			writeFileSync(join(folder, name), text);
		}
		const boot = [join(ROOT, "test/machine/boot.sh"), folder, ROOT];
		const { status, stderr } = spawnSync("sh", boot, { encoding: "utf8" });
		process.stdout.write(readFileSync(join(folder, "output")));
		process.stderr.write(stderr);
		return status ?? 1;
	} finally {
		rmSync(folder, { recursive: true });
	}
}

await provideCommands();
process.exitCode = run();
