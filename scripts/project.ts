/** Where this repository lies and what its packages say of themselves; shared by the scripts. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "..");

/** The packages that are published, by folder under `packages/`. */
export const PUBLISHED = ["pc", "vps"] as const;

export interface Manifest {
	name: string;
	version: string;
	license?: string;
	dependencies?: Record<string, string>;
	optionalDependencies?: Record<string, string>;
	devDependencies?: Record<string, string>;
}

export function readManifest(folder: string): Manifest {
	return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

export function packageFolder(name: string): string {
	return join(ROOT, "packages", name);
}
