import { expect, test } from "vitest";
import { Timeline } from "./timeline.ts";

function linesOf(isTTY: boolean, env: Record<string, string>, play: (line: Timeline) => void) {
	let screen = "";
	const timeline = new Timeline({ write: (text) => (screen += text), isTTY }, env);
	play(timeline);
	timeline.close();
	return screen.split("\n").slice(0, -1);
}

test("a line names the time and who; a long one goes on below, within 80 columns", () => {
	const lines = linesOf(false, {}, (timeline) => timeline.say("pc", "word ".repeat(30).trim()));
	expect(lines[0]).toMatch(/^ {3}0\.0 s {2}pc {8}word word/);
	expect(lines[1]).toMatch(/^ {22}word/);
	expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
	expect(lines.join(" ").match(/word/g)).toHaveLength(30);
});

test("what a command printed keeps its indent, and loses its empty lines", () => {
	const lines = linesOf(false, {}, (timeline) => timeline.output("vps", "a\n\n  b\n"));
	expect(lines.map((line) => line.slice(20))).toEqual(["a", "  b"]);
});

test.each<[string, boolean, Record<string, string>, boolean]>([
	["a terminal", true, {}, true],
	["a pipe", false, {}, false],
	["NO_COLOR", true, { NO_COLOR: "1" }, false],
	["a dumb terminal", true, { TERM: "dumb" }, false],
])("%s", (_name, isTTY, env, isColoured) => {
	const lines = linesOf(isTTY, env, (timeline) => timeline.command("pc", "baton watch"));
	expect(lines.join("").includes("\u001b[")).toBe(isColoured);
});
