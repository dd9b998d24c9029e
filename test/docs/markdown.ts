/** A page of the documentation, as far as tests look at it. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface Link {
	readonly text: string;
	readonly target: string;
}

export class Page {
	readonly #text: string;

	/** @param path from the root of the repository */
	constructor(path: string) {
		this.#text = readFileSync(`${ROOT}${path}`, "utf8");
	}

	/** What stands between fences of this language. */
	blocks(language: string): string[] {
		const fences = this.#text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm);
		return [...fences].flatMap(([, of, text = ""]) => (of === language ? [text.trimEnd()] : []));
	}

	/** The inline code of the whole page. */
	code(): string[] {
		return [...this.#prose().matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => text);
	}

	links(): Link[] {
		const links = this.#prose().matchAll(/\[([^[\]]+)\]\(([^()\s]+)\)/g);
		return [...links].map(([, text = "", target = ""]) => ({
			text: text.replaceAll(/\s+/g, " "),
			target,
		}));
	}

	/** The names by which GitHub links to the headings. */
	anchors(): string[] {
		const headings = [...this.#prose().matchAll(/^#{1,6} (.+)$/gm)].map(([, text = ""]) => text);
		return headings.map(anchorOf);
	}

	/** The cells of the table under this heading that begins with this cell, by rows. */
	table(first: string): string[][] {
		const lines = this.#text.split("\n");
		const at = lines.findIndex((line) => line.startsWith(`| ${first} |`));
		if (at === -1) throw new Error(`no table begins with ${first}`);
		const rows = lines.slice(at + 2);
		const end = rows.findIndex((line) => !line.startsWith("|"));
		return rows.slice(0, end === -1 ? rows.length : end).map(cells);
	}

	/** Without what is fenced. */
	#prose(): string {
		return this.#text.replaceAll(/^```[\s\S]*?^```$/gm, "");
	}
}

function cells(row: string): string[] {
	return row
		.slice(1, -1)
		.split(" | ")
		.map((cell) => cell.trim());
}

function anchorOf(heading: string): string {
	const plain = heading.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, "$1").toLowerCase();
	return plain.replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}
