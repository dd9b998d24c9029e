/**
 * `npm run powercut -- [--breaks] [--json]`: real hand-overs and imports are recorded call by call and
 * the power is cut at every moment of them, on the PC, on the VPS and on both. `--breaks` makes faults in what was
 * recorded, each of which must be seen. Exits with 1 if anything was lost, or a fault not seen.
 */
import { parseArgs } from "node:util";
import { BREAKS, unseen } from "../test/powercut/breaks.ts";
import { examine, filmOf, type Verdict } from "../test/powercut/powercut.ts";
import { record, STORIES } from "../test/powercut/record.ts";
import { straceMissing } from "../test/powercut/strace.ts";
import { provideCommands } from "./demo/provide-commands.ts";
import { otherArguments, printFacts } from "./facts-line.ts";
import { provideSystemPackages } from "./system-packages.ts";

type Count = Exclude<keyof Verdict, "faults" | "rulesMet">;

const COUNTS: readonly (readonly [Count, string])[] = [
	["prefixes", "moments of a power cut"],
	["images", "states of a disk that one may leave"],
	["pairs", "states of both disks that go together"],
	["lost", "in which a login's newest refresh token is nowhere it may be spent from"],
	["lostInFlight", "in which it was on its way, and that is written down"],
	["doubled", "in which one lies where two would spend it"],
	["unreadable", "files neither old nor new"],
	["orderFaults", "things done before what they rest on was durable"],
	["exposed", "files that others could have read"],
];

const { values } = parseArgs({
	args: otherArguments(),
	options: {
		breaks: { type: "boolean", default: false },
		help: { type: "boolean", default: false },
	},
});

async function run(): Promise<void> {
	const total = Object.fromEntries(COUNTS.map(([name]) => [name, 0])) as Record<Count, number>;
	const faults: string[] = [];
	for (const story of STORIES) {
		console.log(story.name);
		const film = filmOf(await record(story));
		const verdict = await examine(film);
		for (const [name, words] of COUNTS) {
			total[name] += verdict[name];
			console.log(`  ${String(verdict[name]).padStart(6)} ${words}`);
		}
		faults.push(...verdict.faults);
		const breaks = BREAKS.filter((one) => one.story === story.key);
		if (values.breaks && breaks.length > 0) {
			const missed = await unseen(breaks, film, examine);
			console.log(`  ${breaks.length - missed.length} of ${breaks.length} deliberate faults seen`);
			faults.push(...missed.map((name) => `not seen: ${name}`));
		}
		film.laid.remove();
	}
	for (const fault of faults) console.log(fault);
	printFacts({ ...total, faults });
	process.exitCode = faults.length === 0 ? 0 : 1;
}

if (values.help) {
	console.log("npm run powercut -- [--breaks] [--json]");
} else {
	await provideSystemPackages();
	const missing = straceMissing();
	if (missing !== undefined) {
		console.log(`nothing can be recorded: ${missing}`);
		process.exitCode = 1;
	} else {
		await provideCommands();
		await run();
	}
}
