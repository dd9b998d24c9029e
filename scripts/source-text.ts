/** TypeScript files as text and as trees; violations are told by path and line. */
import ts from "typescript";

export interface SourceText {
	/** Path from the repository's root, with forward slashes. */
	path: string;
	text: string;
}

export interface Violation {
	path: string;
	line: number;
	reason: string;
}

export function parse({ path, text }: SourceText): ts.SourceFile {
	return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

export function violation(file: ts.SourceFile, node: ts.Node, reason: string): Violation {
	const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
	return { path: file.fileName, line: line + 1, reason };
}

/** Every node below this one, in the order of the text. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
	yield node;
	const children: ts.Node[] = [];
	ts.forEachChild(node, (child) => {
		children.push(child);
	});
	for (const child of children) yield* nodesOf(child);
}
