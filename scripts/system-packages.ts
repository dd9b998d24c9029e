/**
 * What the tests need of the machine beyond Node, and how it gets there: on Debian as root it is
 * installed, anywhere else what is missing is named and the tests that need it skip.
 */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { run } from "./run.ts";

interface SystemPackage {
	/** Name for apt. */
	name: string;
	/** A file it brings; there, the package counts as installed. */
	file: string;
	/** Which tests skip without it. */
	neededBy: string;
}

const SYSTEM_PACKAGES: readonly SystemPackage[] = [
	{ name: "openssh-server", file: "/usr/sbin/sshd", neededBy: "hand-overs over a real SSH" },
	{ name: "openssh-client", file: "/usr/bin/ssh-keygen", neededBy: "hand-overs over a real SSH" },
	{ name: "strace", file: "/usr/bin/strace", neededBy: "power cuts at every moment" },
	{
		name: "openssl",
		file: "/usr/bin/openssl",
		neededBy: "the real claude before loopback servers",
	},
	{ name: "util-linux", file: "/usr/bin/unshare", neededBy: "sinks on mounts of their own" },
	{ name: "mount", file: "/usr/bin/mount", neededBy: "sinks on mounts of their own" },
	{
		name: "systemd",
		file: "/usr/bin/systemd-analyze",
		neededBy: "what systemd makes of the service's unit",
	},
	{
		name: "faketime",
		file: "/usr/bin/faketime",
		neededBy: "hand-overs between clocks hours apart",
	},
];

/** Whether this run can install what is missing; then no test has a reason to skip. */
export function canInstall(): boolean {
	return process.getuid?.() === 0 && existsSync("/etc/debian_version");
}

function missingPackages(): SystemPackage[] {
	return SYSTEM_PACKAGES.filter(({ file }) => !isRunnable(file));
}

/** Installs what is missing where it can, and says what is still missing. */
export async function provideSystemPackages(): Promise<void> {
	const missing = missingPackages().map(({ name }) => name);
	if (missing.length > 0 && canInstall()) await install(missing);
	for (const { name, neededBy } of missingPackages()) {
		console.log(`missing: ${name}; without it these tests skip: ${neededBy}`);
	}
	// sshd refuses to start without it, and only its own service unit would make it.
	if (canInstall()) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
}

async function install(names: string[]): Promise<void> {
	console.log(`installing ${names.join(", ")}`);
	if ((await aptGetInstall(names)).code === 0) return;
	// A fresh machine has no package lists yet.
	await aptGet("update");
	const { code, output } = await aptGetInstall(names);
	if (code !== 0) console.log(`apt-get could not install them:\n${output.trimEnd()}`);
}

function aptGetInstall(names: string[]) {
	return aptGet("install", "--yes", "--no-install-recommends", ...names);
}

function aptGet(...args: string[]) {
	return run(["apt-get", "--quiet", ...args], { env: { DEBIAN_FRONTEND: "noninteractive" } });
}

function isRunnable(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}
