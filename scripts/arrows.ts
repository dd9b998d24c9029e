/** Which way imports may point: core <- io <- { pc, vps, openclaw-plugin } <- test <- scripts. */
import { dirname, join } from "node:path/posix";
import ts from "typescript";
import { nodesOf, parse, type SourceText, type Violation, violation } from "./source-text.ts";

/** A part of the repository, and the parts it may import besides itself. */
const ARROWS: Record<string, readonly string[]> = {
	core: [],
	io: ["core"],
	pc: ["core", "io"],
	vps: ["core", "io"],
	"openclaw-plugin": ["core", "io"],
	test: ["core", "io", "pc", "vps", "openclaw-plugin"],
	scripts: ["core", "io", "pc", "vps", "openclaw-plugin", "test"],
};

/** The names by which parts import one another. */
const PART_OF_NAME: Record<string, string> = {
	"@baton/core": "core",
	"@baton/io": "io",
	"claude-baton": "pc",
	batond: "vps",
	"openclaw-claude-oauth-refresh": "openclaw-plugin",
};

/** Pure, and made for what the core does with them: schemas and SHA-256. */
const CORE_MAY_IMPORT = ["zod", "@noble/hashes"];
const CORE_TESTS_MAY_IMPORT = [...CORE_MAY_IMPORT, "vitest", "fast-check", "@fast-check/vitest"];

export function arrowViolations(source: SourceText): Violation[] {
	const file = parse(source);
	return [...nodesOf(file)].flatMap((node) => {
		const target = importTarget(node);
		const reason = target === undefined ? undefined : whyNot(source.path, target);
		return reason === undefined ? [] : [violation(file, node, reason)];
	});
}

/** The part a file belongs to; undefined outside of `packages/`, `test/` and `scripts/`. */
export function partOf(path: string): string | undefined {
	const [first, second] = path.split("/");
	return first === "packages"
		? second
		: first === "test" || first === "scripts"
			? first
			: undefined;
}

/** What an import or a re-export of any form names; null where that is only known when it runs. */
function importTarget(node: ts.Node): string | null | undefined {
	const specifier = importSpecifier(node);
	if (specifier === undefined) return undefined;
	return ts.isStringLiteralLike(specifier) ? specifier.text : null;
}

function importSpecifier(node: ts.Node): ts.Node | undefined {
	if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
	if (ts.isExternalModuleReference(node)) return node.expression;
	if (ts.isImportTypeNode(node)) {
		return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
	}
	return ts.isCallExpression(node) && isImporter(node.expression) ? node.arguments[0] : undefined;
}

function isImporter(callee: ts.Expression): boolean {
	return (
		callee.kind === ts.SyntaxKind.ImportKeyword ||
		(ts.isIdentifier(callee) && callee.text === "require")
	);
}

function whyNot(path: string, target: string | null): string | undefined {
	const from = partOf(path);
	if (from === undefined) return undefined;
	const allowed = ARROWS[from];
	if (allowed === undefined) return `${from} has no place among the arrows`;
	if (target === null) return from === "core" ? "core imports what cannot be read here" : undefined;
	const relative = target.startsWith(".");
	const to = relative ? partOf(join(dirname(path), target)) : PART_OF_NAME[packageName(target)];
	if (to === from) return undefined;
	if (to !== undefined && !allowed.includes(to)) return `${from} may not import ${to}`;
	if (relative && path.startsWith("packages/")) return `${target} leaves the package: use its name`;
	if (to === undefined && from === "core") return whyNotFromOutside(path, target);
	return undefined;
}

function whyNotFromOutside(path: string, target: string): string | undefined {
	const allowed = path.endsWith(".test.ts") ? CORE_TESTS_MAY_IMPORT : CORE_MAY_IMPORT;
	return allowed.includes(packageName(target)) ? undefined : `core may not import ${target}`;
}

function packageName(target: string): string {
	const [first = "", second = ""] = target.split("/");
	return first.startsWith("@") ? `${first}/${second}` : first;
}
