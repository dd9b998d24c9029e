/** Mounts that only one child process and its own see: they end with it, and none is ever left behind. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Child, startChild } from "./child-process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export type Mount =
	/** This file or folder shows at that one's place too. */
	| { readonly bind: string; readonly at: string }
	/** Nothing can be changed there any more, by root neither. */
	| { readonly readOnly: string }
	/** A file system of its own, empty and this large. */
	| { readonly small: string; readonly bytes: number };

/** Without root a user namespace lends what it takes, where the system allows one. */
const UNSHARE: readonly [string, ...string[]] =
	process.getuid?.() === 0
		? ["unshare", "--mount"]
		: ["unshare", "--user", "--map-root-user", "--mount"];

let missing: string | undefined | null = null;

/** What stands in the way here, if anything does. */
export function mountsMissing(): string | undefined {
	if (missing === null) missing = findMissing();
	return missing;
}

function findMissing(): string | undefined {
	if (process.platform !== "linux") return "needs Linux";
	const [program, ...options] = UNSHARE;
	const script = "mount -t tmpfs none /tmp";
	const { status } = spawnSync(program, [...options, "sh", "-c", script], { stdio: "ignore" });
	return status === 0 ? undefined : "needs root, or user namespaces, and leave to mount";
}

/** Starts a program that sees these mounts, made in this order. */
export async function startWithMounts(
	mounts: readonly Mount[],
	argv: readonly string[],
): Promise<Child> {
	const script = ["set -e", ...mounts.flatMap(commandsOf), 'exec "$@"'].join("\n");
	return await startChild({ argv: [...UNSHARE, "sh", "-c", script, "sh", ...argv], cwd: ROOT });
}

function commandsOf(mount: Mount): string[] {
	if ("bind" in mount) return [`mount --bind ${quote(mount.bind)} ${quote(mount.at)}`];
	if ("readOnly" in mount) {
		const place = quote(mount.readOnly);
		return [`mount --bind ${place} ${place}`, `mount -o remount,bind,ro ${place}`];
	}
	return [`mount -t tmpfs -o size=${mount.bytes},mode=0700 none ${quote(mount.small)}`];
}

function quote(path: string): string {
	return `'${path.replaceAll("'", "'\\''")}'`;
}
