/** A machine's folder as a backup or a snapshot keeps it, and puts it back. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";

/** @returns what puts the folder back as it is now; nothing may run on it then */
export function snapshotOf(folder: string, copy: string): () => void {
	execFileSync("cp", ["-a", folder, copy]);
	return () => {
		rmSync(folder, { recursive: true });
		execFileSync("cp", ["-a", copy, folder]);
	};
}
