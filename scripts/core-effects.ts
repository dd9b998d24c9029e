/**
 * What makes a decision differ from one run to the next: clock, chance, process, network, timers.
 *
 * TypeScript's binder tells a global from a local of the same name. What is allowed is listed, not what
 * is forbidden: a global nobody thought of is an effect until it is shown to be none.
 */
import ts from "typescript";
import { nodesOf, parse, type SourceText, type Violation, violation } from "./source-text.ts";

/** Globals that give the same result on every run and every machine. */
const PURE_GLOBALS = new Set(
	[
		"Array ArrayBuffer BigInt Boolean DataView Infinity JSON Map NaN Number Object Promise Proxy",
		"Reflect RegExp Set String Symbol Uint8Array Uint32Array WeakMap WeakSet isFinite isNaN",
		"Error AggregateError RangeError SyntaxError TypeError parseFloat parseInt undefined",
		"arguments decodeURIComponent encodeURIComponent",
		"TextDecoder TextEncoder URL URLSearchParams",
	].flatMap((line) => line.split(" ")),
);

export function coreEffects(source: SourceText): Violation[] {
	const file = parse(source);
	const checker = checkerFor(file);
	return [...nodesOf(file)].flatMap((node) => {
		const effect = effectOf(node, checker);
		return effect === undefined ? [] : [violation(file, node, `core may not use ${effect}`)];
	});
}

/** Knows this one file: no library and no import is read, so a global has no declaration. */
function checkerFor(file: ts.SourceFile): ts.TypeChecker {
	const host: ts.CompilerHost = {
		getSourceFile: (name) => (name === file.fileName ? file : undefined),
		fileExists: (name) => name === file.fileName,
		readFile: () => undefined,
		writeFile: () => {},
		getDefaultLibFileName: () => "lib.d.ts",
		getCurrentDirectory: () => "",
		getCanonicalFileName: (name) => name,
		useCaseSensitiveFileNames: () => true,
		getNewLine: () => "\n",
	};
	const options = { noLib: true, noResolve: true, target: ts.ScriptTarget.Latest };
	return ts.createProgram([file.fileName], options, host).getTypeChecker();
}

function effectOf(node: ts.Node, checker: ts.TypeChecker): string | undefined {
	if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
		return "import.meta";
	}
	if (!ts.isIdentifier(node)) return undefined;
	// The one effect that an allowed package offers.
	if (node.text === "randomBytes") return "randomBytes";
	return isValue(node) && !isDeclaredHere(node, checker) ? effectOfGlobal(node) : undefined;
}

function effectOfGlobal(node: ts.Identifier): string | undefined {
	if (node.text === "Date") return isPureDate(node) ? undefined : "the clock";
	if (node.text === "Math") return isPureMath(node) ? undefined : "chance";
	return PURE_GLOBALS.has(node.text) ? undefined : `the global ${node.text}`;
}

/** Whether this names a value, as against a type, a property or a label. */
function isValue(node: ts.Identifier): boolean {
	const { parent } = node;
	if (ts.isPartOfTypeNode(node) || ts.isTypeQueryNode(parent)) return false;
	if (ts.isImportAttribute(parent)) return false;
	if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
	if (ts.isBindingElement(parent)) return parent.propertyName !== node;
	if (ts.isBreakOrContinueStatement(parent) || ts.isLabeledStatement(parent)) return false;
	return !ts.isMetaProperty(parent);
}

function isDeclaredHere(node: ts.Identifier, checker: ts.TypeChecker): boolean {
	const symbol = ts.isShorthandPropertyAssignment(node.parent)
		? checker.getShorthandAssignmentValueSymbol(node.parent)
		: checker.getSymbolAtLocation(node);
	return (symbol?.declarations ?? []).some((declaration) => !isAmbient(declaration));
}

/** `declare const fetch`, also inside `declare global`: says only that a global exists. */
function isAmbient(node: ts.Node): boolean {
	const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
	if (modifiers.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword)) return true;
	return ts.isSourceFile(node) ? false : isAmbient(node.parent);
}

/** `new Date(something)`, `Date.parse` and `Date.UTC` turn one value into another. */
function isPureDate({ parent }: ts.Identifier): boolean {
	if (ts.isNewExpression(parent)) return (parent.arguments?.length ?? 0) > 0;
	if (ts.isPropertyAccessExpression(parent)) return ["parse", "UTC"].includes(parent.name.text);
	return isInstanceOf(parent);
}

function isInstanceOf(node: ts.Node): boolean {
	return ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword;
}

function isPureMath({ parent }: ts.Identifier): boolean {
	return ts.isPropertyAccessExpression(parent) && parent.name.text !== "random";
}
