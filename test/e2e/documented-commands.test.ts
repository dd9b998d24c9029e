/** Every command and option that the pages show is one that the built programs know. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { Page } from "../docs/markdown.ts";
import { runChild } from "../parts/child-process.ts";

const PROGRAMS = {
	baton: fileURLToPath(new URL("../../packages/pc/dist/baton.mjs", import.meta.url)),
	batond: fileURLToPath(new URL("../../packages/vps/dist/batond.mjs", import.meta.url)),
};
type Program = keyof typeof PROGRAMS;

const PAGES = [
	"README.md",
	"CONTRIBUTING.md",
	"SECURITY.md",
	"docs/custody.md",
	"docs/decisions.md",
	"docs/handover.md",
	"docs/protocol.md",
	"docs/service.md",
	"docs/settings.md",
	"packages/pc/README.md",
	"packages/vps/README.md",
];

/** Named as what does not exist yet. */
const NOT_YET = ["baton pair"];

interface Shown {
	readonly program: Program;
	readonly command: string;
	readonly options: readonly string[];
}

const SHOWN = PAGES.flatMap((path) => {
	const page = new Page(path);
	const lines = ["", "json", "ini"].flatMap((language) => page.blocks(language));
	return [...page.code(), ...lines.flatMap((block) => block.split("\n"))].flatMap(commandsIn);
});

/** `baton handover HOST --replace`, at the beginning or behind a path. */
function commandsIn(text: string): Shown[] {
	const line = text.replace(/ {2,}.*$/, "");
	const found = line.matchAll(/(?:^|[/\s"])(batond?) ([a-z][a-z-]+)((?:[^\S\n]+[^"|]+)?)/g);
	return [...found].map(([, program, command = "", rest = ""]) => ({
		program: program as Program,
		command,
		options: [...rest.matchAll(/--([a-z][a-z-]*)/g)].map(([, option = ""]) => option),
	}));
}

async function help(program: Program, ...words: string[]): Promise<string> {
	const argv = [process.execPath, PROGRAMS[program], ...words, "--help"] as const;
	const { stdout, stderr } = await runChild({ argv: [...argv] });
	return stdout + stderr;
}

async function commandsOf(program: Program): Promise<string[]> {
	const pattern = new RegExp(`^ {2}${program} ([a-z-]+)`, "gm");
	const shown = [...(await help(program)).matchAll(pattern)].map(([, command = ""]) => command);
	// Some are shown once more, as examples.
	return [...new Set(shown)];
}

function nameOf({ program, command }: Shown): string {
	return `${program} ${command}`;
}

describe.each(["baton", "batond"] as const)("%s", (program) => {
	const shown = SHOWN.filter((one) => one.program === program);

	test("knows the commands, and each is shown somewhere", async () => {
		const known = (await commandsOf(program)).map((command) => `${program} ${command}`);
		const named = new Set(shown.map(nameOf).filter((name) => !NOT_YET.includes(name)));
		expect([...named].toSorted()).toEqual(known.toSorted());
	});

	test("knows the options", async () => {
		const commands = new Set(shown.map(({ command }) => command));
		for (const command of commands) {
			const wanted = shown.filter((one) => one.command === command).flatMap((one) => one.options);
			if (wanted.length === 0) continue;
			const told = await help(program, command);
			const unknown = wanted.filter((option) => !knows(told, option));
			expect(unknown, `${program} ${command}`).toEqual([]);
		}
	});
});

/** `--no-x` switches off `--x`. */
function knows(told: string, option: string): boolean {
	return told.includes(`--${option}`) || told.includes(`--${option.replace(/^no-/, "")}`);
}
