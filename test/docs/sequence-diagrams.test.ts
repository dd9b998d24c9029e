/** The sequences drawn in `docs/handover.md` against the stories they tell. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Page, ROOT } from "./markdown.ts";
import { type Message, readDiagram } from "./mermaid.ts";

const drawn = new Page("docs/handover.md")
	.blocks("mermaid")
	.map(readDiagram)
	.filter((diagram) => diagram.kind === "sequence");

test.each([
	["as it mostly goes", "dedicated.txt", 0],
	["cut after the delivery: custody is asked, and the login was claimed meanwhile", "link.txt", 1],
])("%s", (story, file, index) => {
	const messages = drawn[index]?.messages ?? [];
	const said = messages.filter(({ from, to }) => isBetween(from, to) || isBetween(to, from));
	expect(said.map(told)).toEqual(saidIn(story, file));
});

function isBetween(one: string, other: string): boolean {
	return one === "PC" && other === "VPS";
}

function told({ from, text }: Message): string {
	return `${from} ${firstWord(text)}`;
}

/** Status is asked at any time, and tells nothing of the hand-over. */
function saidIn(story: string, file: string): string[] {
	const text = readFileSync(`${ROOT}test/scenarios/handover/${file}`, "utf8");
	const lines =
		text
			.split("\n== ")
			.find((one) => one.startsWith(`${story}\n`))
			?.split("\n") ?? [];
	const said = lines.flatMap((line) => {
		const [, request] = /^ {2}send vps: (.+)$/.exec(line) ?? [];
		const [, answer] = /^vps: (.+)$/.exec(line) ?? [];
		if (answer === "no answer") return [];
		if (request !== undefined) return [`PC ${firstWord(request)}`];
		return answer === undefined ? [] : [`VPS ${firstWord(answer)}`];
	});
	return said.filter((line) => !line.endsWith(" status"));
}

function firstWord(text: string): string {
	return /^[\w-]+/.exec(text)?.[0] ?? "";
}
