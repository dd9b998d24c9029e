/**
 * The diagrams of `docs` against the code: what is drawn is what the stories of `test/scenarios` take
 * their records through, no more and no less. After a change that adds a way, draw it; if no story takes
 * a way that is drawn, tell one.
 */
import { type Past, PHASES } from "@baton/core/custody-state";
import { HANDOVER_STEPS } from "@baton/core/handover-state";
import { describe, expect, test } from "vitest";
import { Page } from "./markdown.ts";
import { readDiagram, type StateDiagram } from "./mermaid.ts";
import { inStories, inWorlds, type Observed } from "./observed.ts";
import { currentTransitions, handoverTransitions, stagedTransitions } from "./transitions.ts";

/** What is remembered of a fingerprint, and whether a login that never became current ends so. */
const PASTS = {
	claimed: false,
	retired: false,
	spent: true,
	"not-taken": true,
	withdrawn: true,
} satisfies Record<Past["was"], boolean>;
const TOMBSTONES = Object.entries(PASTS).flatMap(([was, ends]) => (ends ? [was] : []));

const [handover] = diagramsOf("docs/handover.md");
const [staged, current] = diagramsOf("docs/custody.md");

function diagramsOf(page: string): StateDiagram[] {
	const all = new Page(page).blocks("mermaid").map(readDiagram);
	return all.filter((diagram) => diagram.kind === "states");
}

const ALL = [
	["the PC's steps", handover, ({ pc }: Observed) => pc.flatMap(handoverTransitions)],
	["a delivered login", staged, ({ vps }: Observed) => vps.flatMap(stagedTransitions)],
	["the current login", current, ({ vps }: Observed) => vps.flatMap(currentTransitions)],
] as const;

describe("the states are those of the code", () => {
	test("of the PC's steps", () => {
		expect(handover?.states.toSorted()).toEqual(HANDOVER_STEPS.toSorted());
	});

	test("of custody, in two diagrams", () => {
		const drawn = new Set([...(staged?.states ?? []), ...(current?.states ?? [])]);
		expect([...drawn].toSorted()).toEqual([...PHASES, ...TOMBSTONES].toSorted());
	});

	test("and each has its row in a table", () => {
		const steps = new Page("docs/handover.md").table("step | where the login is").map(nameIn);
		expect(steps.toSorted()).toEqual(HANDOVER_STEPS.toSorted());
		const page = new Page("docs/custody.md");
		const phases = [
			...page.table("phase | means").map(nameIn),
			...page.table("phase | is its access token served").map(nameIn),
		];
		expect([...new Set(phases)].toSorted()).toEqual(PHASES.toSorted());
	});
});

function nameIn([cell = ""]: readonly string[]): string {
	return cell.replaceAll("`", "");
}

describe("every way that a story takes is drawn, and every drawn one is taken", () => {
	const stories = inStories();

	test.each(ALL)("%s", (_name, diagram, waysOf) => {
		const taken = new Set(waysOf(stories));
		expect(diagram?.transitions.toSorted()).toEqual([...taken].toSorted());
	});
});

describe("no simulated world takes another way", () => {
	const worlds = inWorlds(60);

	test.each(ALL)("%s", (_name, diagram, waysOf) => {
		const taken = new Set(waysOf(worlds));
		expect(taken.size).toBeGreaterThan(8);
		expect([...taken].filter((way) => !diagram?.transitions.includes(way))).toEqual([]);
	});
});
