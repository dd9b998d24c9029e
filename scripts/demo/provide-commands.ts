/** Builds `baton` and `batond` if they are missing or older than what they are made of. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { packageFolder, ROOT } from "../project.ts";
import { run } from "../run.ts";

const BUILT = ["pc/dist/baton.mjs", "pc/dist/batond.mjs", "vps/dist/batond.mjs"].map(packageFolder);
const SOURCES = [
	packageFolder(""),
	join(ROOT, "scripts/build.ts"),
	join(ROOT, "package-lock.json"),
];

/** @throws Error with what the build said, if it fails */
export async function provideCommands(): Promise<void> {
	if (isBuilt()) return;
	console.log("building baton and batond, once");
	const { code, output } = await run(["npm", "run", "--silent", "build"]);
	if (code !== 0) throw new Error(`the build failed\n${output.trimEnd()}`);
}

function isBuilt(): boolean {
	const oldest = Math.min(...BUILT.map((file) => changedAt(file) ?? 0));
	return oldest > Math.max(...SOURCES.map(newestIn));
}

function newestIn(path: string): number {
	const stat = statSync(path);
	if (!stat.isDirectory()) return stat.mtimeMs;
	const inside = readdirSync(path).filter((name) => name !== "dist" && name !== "node_modules");
	return Math.max(0, ...inside.map((name) => newestIn(join(path, name))));
}

function changedAt(file: string): number | undefined {
	return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
