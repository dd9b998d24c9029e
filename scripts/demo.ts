/**
 * `npm run demo`: a PC, a VPS and a provider on this machine, and the real commands between them.
 * `demo/stage.ts` says what stands in for what, `demo/story.ts` what happens.
 */
import { atEnd } from "../test/parts/at-end.ts";
import { demoOptions } from "./demo/arguments.ts";
import { Commands } from "./demo/commands.ts";
import { failureReport } from "./demo/failure-report.ts";
import { provideCommands } from "./demo/provide-commands.ts";
import { setStage } from "./demo/stage.ts";
import { tellStory } from "./demo/story.ts";
import { Timeline } from "./demo/timeline.ts";
import { leaksOf, ProcessSearch } from "./demo/token-search.ts";
import { type DemoFacts, factsOf, judge, summary } from "./demo/verdict.ts";
import { otherArguments, printFacts } from "./facts-line.ts";

const INTRODUCTION = [
	"baton demo: a pc, a vps and a provider, all made up, on this machine; between",
	"them the real commands. access tokens live for 10 s here instead of hours",
	"",
];

const options = demoOptions(otherArguments());
await provideCommands();
const timeline = new Timeline(process.stdout, process.env);
const commands = new Commands(timeline);
const endings: (() => unknown)[] = [];

async function play(): Promise<DemoFacts> {
	for (const line of INTRODUCTION) timeline.print(line);
	const search = new ProcessSearch();
	endings.push(() => search.stop());
	const stage = await setStage({ ...options, timeline, commands, endings });
	const story = await tellStory(stage);
	const leaks = [...search.leaks, ...leaksOf(stage, story)];
	for (const where of new Set(leaks.map((leak) => leak.where)))
		timeline.print(`a token in ${where}`);
	return await factsOf(stage, story, leaks.length);
}

/** All of them, also after one has failed. @throws what the first one that failed did */
async function end(): Promise<void> {
	const faults: unknown[] = [];
	for (const ending of endings.splice(0).reverse()) {
		try {
			await ending();
		} catch (fault) {
			faults.push(fault);
		}
	}
	timeline.close();
	if (faults.length > 0) throw faults[0];
}

function conclude(facts: DemoFacts): void {
	const complaints = judge(facts);
	timeline.print("");
	for (const line of summary(facts, complaints, options)) timeline.print(line);
	printFacts({ ok: complaints.length === 0, ...facts });
	process.exitCode = complaints.length === 0 ? 0 : 1;
}

// In this order: the second of them ends the process.
process.once("SIGINT", () => timeline.print("\ninterrupted: everything is stopped and removed"));
atEnd(() => timeline.close());
try {
	const facts = await play();
	await end();
	conclude(facts);
} catch (error) {
	for (const line of failureReport(error, commands)) timeline.print(line);
	process.exitCode = 1;
	await end().catch(() => undefined);
	printFacts({ ok: false });
}
