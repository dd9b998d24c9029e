/**
 * `npm run pack-check`: what people would get from npm is installed as they would install it, in an
 * empty folder, and has to start.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { PUBLISHED, packageFolder, readManifest } from "./project.ts";
import { mustRun } from "./run.ts";

/** Packs one package into `folder`; the tarball's path. */
async function pack(name: string, folder: string): Promise<string> {
	const argv = ["npm", "pack", "--json", "--ignore-scripts", "--loglevel=error"] as const;
	const output = await mustRun([...argv, "--pack-destination", folder], {
		cwd: packageFolder(name),
	});
	const [packed] = JSON.parse(output);
	return join(folder, packed.filename);
}

async function lint(name: string, tarball: string): Promise<string[]> {
	const bytes = readFileSync(tarball);
	const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
	const { messages, pkg = {} } = await publint({ pack: { tarball: content }, strict: true });
	return messages.map((message) => `${name}: ${formatMessage(message, pkg)}`);
}

async function install(tarballs: string[], folder: string): Promise<void> {
	mkdirSync(folder);
	writeFileSync(join(folder, "package.json"), "{}\n");
	const flags = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"];
	await mustRun(["npm", "install", "--loglevel=error", ...flags, ...tarballs], { cwd: folder });
}

async function mustSay(version: string, argv: [string, ...string[]], cwd: string): Promise<void> {
	const said = (await mustRun(argv, { cwd })).trim();
	if (said !== version) throw new Error(`${argv.join(" ")} said ${said}, not ${version}`);
}

async function checkInstalled(folder: string, version: string): Promise<void> {
	await mustSay(version, [join(folder, "node_modules/.bin/baton"), "--version"], folder);
	await mustSay(version, [join(folder, "node_modules/.bin/batond"), "--version"], folder);
	const alone = join(folder, "../alone");
	mkdirSync(alone);
	copyFileSync(
		join(folder, "node_modules/claude-baton/dist/batond.mjs"),
		join(alone, "batond.mjs"),
	);
	await mustSay(version, [process.execPath, "batond.mjs", "--version"], alone);
}

/** The PC takes its batond along, so the two are one version. */
function commonVersion(): string {
	const versions = new Set(PUBLISHED.map((name) => readManifest(packageFolder(name)).version));
	const [version] = versions;
	if (version === undefined || versions.size > 1) {
		throw new Error(`versions differ: ${[...versions].join(", ")}`);
	}
	return version;
}

const scratch = mkdtempSync(join(tmpdir(), "baton-pack-"));
try {
	const version = commonVersion();
	await mustRun(["npm", "run", "--silent", "build"]);
	const tarballs: string[] = [];
	const complaints: string[] = [];
	for (const name of PUBLISHED) {
		const tarball = await pack(name, scratch);
		tarballs.push(tarball);
		complaints.push(...(await lint(name, tarball)));
	}
	await install(tarballs, join(scratch, "installed"));
	await checkInstalled(join(scratch, "installed"), version);
	for (const complaint of complaints) console.log(complaint);
	console.log(`${tarballs.length} packages install and start, ${complaints.length} complaints`);
	process.exitCode = complaints.length === 0 ? 0 : 1;
} catch (error) {
	console.log(error instanceof Error ? error.message : error);
	process.exitCode = 1;
} finally {
	rmSync(scratch, { recursive: true, force: true });
}
