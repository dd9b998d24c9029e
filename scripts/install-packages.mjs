/**
 * Installs what the scripts need, where nothing is installed yet. Plain JavaScript without imports from
 * npm: it runs before there are any.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

if (!existsSync(join(root, "node_modules/.bin/tsx"))) {
	console.log("installing packages, once");
	// The shell finds npm on Windows too; nothing in the line comes from outside.
	const { status } = spawnSync("npm ci", {
		cwd: root,
		// A `--json` given to `npm run` is for the script, not for the npm it starts.
		env: { ...process.env, npm_config_json: undefined },
		stdio: "inherit",
		shell: true,
	});
	process.exitCode = status ?? 1;
}
