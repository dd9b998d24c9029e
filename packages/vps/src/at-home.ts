/** Paths as a person writes them in the settings: absolute, or from `~/`. */

import { homedir } from "node:os";
import { join, resolve } from "node:path";

export function atHome(path: string): string {
	return resolve(path.startsWith("~/") ? join(homedir(), path.slice(2)) : path);
}
