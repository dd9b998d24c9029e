/** What a bundle carries inside from npm, and the licence texts that have to travel with it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { ROOT, readManifest } from "./project.ts";

const PACKAGE_FOLDER = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;

/** Folders, relative to the repository, of the packages from npm that ended up inside. */
function bundledPackages(metafile: Metafile): string[] {
	const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs));
	const folders = files
		.filter(([, { bytesInOutput }]) => bytesInOutput > 0)
		.map(([file]) => PACKAGE_FOLDER.exec(file)?.[0]);
	return [...new Set(folders.filter((folder) => folder !== undefined))].sort();
}

/** Names of the packages from npm that our own code imports and that ended up inside. */
export function importedPackages({ inputs }: Metafile): string[] {
	const own = Object.entries(inputs).filter(([file]) => !PACKAGE_FOLDER.test(file));
	const folders = own.flatMap(([, { imports }]) =>
		imports.map(({ path }) => PACKAGE_FOLDER.exec(path)?.[0]),
	);
	const names = folders.filter((folder) => folder !== undefined).map(nameOf);
	return [...new Set(names)].sort();
}

function nameOf(folder: string): string {
	return folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length);
}

export function thirdPartyNotices(metafile: Metafile): string {
	return bundledPackages(metafile)
		.map((folder) => notice(join(ROOT, folder)))
		.join(`\n${"-".repeat(80)}\n\n`);
}

function notice(folder: string): string {
	const { name, version, license } = readManifest(folder);
	const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
	if (file === undefined) {
		throw new Error(`${name} carries no licence text`);
	}
	return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
}
