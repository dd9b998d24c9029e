/** Every relative link of the pages leads somewhere, and one into a story names it; so do named files. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Page, ROOT } from "./markdown.ts";

const PAGES = [
	...pagesIn("."),
	...pagesIn("docs"),
	...readdirSync(join(ROOT, "packages")).flatMap((name) => pagesIn(`packages/${name}`)),
];

function pagesIn(folder: string): string[] {
	const files = readdirSync(join(ROOT, folder)).filter((file) => file.endsWith(".md"));
	return files.map((file) => join(folder, file));
}

test("there are pages to look at", () => {
	expect(PAGES).toContain("README.md");
	expect(PAGES).toContain("docs/custody.md");
	expect(PAGES.length).toBeGreaterThan(8);
});

describe.each(PAGES)("%s", (path) => {
	const page = new Page(path);
	const links = page.links().filter(({ target }) => !/^[a-z]+:/.test(target));

	test("its links lead to files, folders and headings that exist", () => {
		expect(links.filter(({ target }) => !leads(path, target))).toEqual([]);
	});

	test("the files it names are there", () => {
		const named = page.code().filter((text) => /^(packages|scripts|test)\/[\w./-]+$/.test(text));
		expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
	});

	test("a link to a story bears the story's name", () => {
		const astray = links.filter(({ target }) => target.endsWith(".txt"));
		expect(astray.filter(({ text, target }) => !names(path, text, target))).toEqual([]);
	});
});

function leads(from: string, target: string): boolean {
	const [file = "", anchor] = target.split("#");
	const path = file === "" ? from : join(dirname(from), file);
	if (path.startsWith("..") || !existsSync(join(ROOT, path))) return false;
	return anchor === undefined || new Page(path).anchors().includes(anchor);
}

/** By its own name or that of the whole file. */
function names(from: string, text: string, target: string): boolean {
	const file = join(dirname(from), target);
	if (file.endsWith(`/${text}`)) return true;
	const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
	return lines.includes(`== ${text}`) || lines.includes(`# ${text}`);
}
