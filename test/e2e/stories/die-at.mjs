/**
 * Preloaded into a program under test: ends it as `kill -9` does, right before or after one call that
 * changes one path. `DIE_AT` in the environment says which, see `death.ts`.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { call, path, moment, once } = JSON.parse(process.env.DIE_AT ?? "{}");
const changed = call === "rename" ? 1 : 0;
const home = call.endsWith("Sync") ? fs : fs.promises;
const sync = call.endsWith("Sync") ? fs[call] : fs[`${call}Sync`];
const original = home[call];

home[call] = (...args) => {
	if (args[changed] !== path || (once && !fs.existsSync(once))) return original(...args);
	if (moment === "after") sync(...args);
	process.kill(process.pid, "SIGKILL");
};
syncBuiltinESMExports();
