import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageFolder, ROOT, readManifest } from "./project.ts";

const PAGE = readFileSync(join(ROOT, "docs/dependencies.md"), "utf8");
const [REASONS = ""] = PAGE.split("## Looked at and left out");

function declared(): string[] {
	const folders = [ROOT, ...readdirSync(packageFolder("")).map(packageFolder)];
	const names = folders.map(readManifest).flatMap((manifest) =>
		Object.keys({
			...manifest.dependencies,
			...manifest.optionalDependencies,
			...manifest.devDependencies,
		}),
	);
	return [...new Set(names)].filter((name) => !name.startsWith("@baton/")).sort();
}

test("docs/dependencies.md gives a reason for each dependency and for no other", () => {
	const explained = [...REASONS.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name);
	expect(explained.sort()).toEqual(declared());
});
