/** `npm run arrows`: imports point the allowed way, and the core is pure. */
import { readFileSync } from "node:fs";
import ts from "typescript";
import { arrowViolations, partOf } from "./arrows.ts";
import { coreEffects } from "./core-effects.ts";
import { printFacts } from "./facts-line.ts";
import { ROOT } from "./project.ts";
import type { SourceText, Violation } from "./source-text.ts";

const FOLDERS = ["packages/*/src/**/*", "test/**/*", "scripts/**/*"];

function sources(): SourceText[] {
	const files = ts.sys.readDirectory(ROOT, [".ts", ".tsx", ".mts"], ["**/node_modules"], FOLDERS);
	return files.map((file) => ({
		path: file.slice(ROOT.length + 1),
		text: readFileSync(file, "utf8"),
	}));
}

function violationsOf(source: SourceText): Violation[] {
	const effects = partOf(source.path) === "core" ? coreEffects(source) : [];
	return [...arrowViolations(source), ...effects];
}

const read = sources();
const found = read.flatMap(violationsOf);
for (const { path, line, reason } of found) console.log(`${path}:${line} ${reason}`);
console.log(`${read.length} files, ${found.length} against the arrows`);
printFacts({ files: read.length, violations: found.length });
process.exitCode = found.length === 0 ? 0 : 1;
