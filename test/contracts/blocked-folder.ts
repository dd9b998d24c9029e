import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Scratch } from "../parts/scratch.ts";

/** Keeps a sink from writing in a folder, and lets it again. */
export function blockedFolder(folder: string, scratch: Scratch) {
	const moved = scratch.at("moved");
	return {
		/** A file where the folder should be stops root too. */
		block() {
			renameSync(folder, moved);
			writeFileSync(folder, "");
		},
		unblock() {
			if (!existsSync(moved)) return;
			rmSync(folder);
			renameSync(moved, folder);
		},
	};
}
