/**
 * `npm run kill -- [--sample N] [--at-once N] [--json]`: the built service is killed right before each call
 * by which it changes its disk or speaks to another program, while it claims a login and refreshes it, with
 * both engines, and is started again each time. Exits with 1 unless every login lived on, or was lost in the
 * one way that nothing can help, and the service says so.
 */
import { parseArgs } from "node:util";
import { type KillTally, killEverywhere } from "../test/kill/campaign.ts";
import { straceMissing } from "../test/powercut/strace.ts";
import { provideCommands } from "./demo/provide-commands.ts";
import { otherArguments, printFacts } from "./facts-line.ts";
import { provideSystemPackages } from "./system-packages.ts";

const HELP = `npm run kill -- [--sample N] [--at-once N] [--json]

  --sample N   kill at N points only, evenly spread
  --at-once N  how many services at a time; 8 unless given`;

const { values } = parseArgs({
	args: otherArguments(),
	options: {
		sample: { type: "string" },
		"at-once": { type: "string", default: "8" },
		help: { type: "boolean", default: false },
	},
});

const TELL_EVERY = 50;

function tell({ points, missed, lost, lostInFlight }: KillTally): void {
	if ((points + missed) % TELL_EVERY !== 0) return;
	const seconds = Math.round(process.uptime());
	console.log(`${points} kills, ${lost} lost, ${lostInFlight} lost in flight, ${seconds} s`);
}

function whole(text: string): number {
	if (!/^[1-9]\d*$/.test(text)) throw new Error(`${text} is not a count`);
	return Number(text);
}

async function run(): Promise<void> {
	const { faults, ...counts } = await killEverywhere({
		sample: values.sample === undefined ? undefined : whole(values.sample),
		atOnce: whole(values["at-once"]),
		onScene: (name, points) => console.log(`${name}: ${points} points`),
		onKill: tell,
	});
	for (const fault of faults) console.log(fault);
	printFacts({ ...counts, faults });
	process.exitCode = faults.length === 0 && counts.points > 0 ? 0 : 1;
}

if (values.help) {
	console.log(HELP);
} else {
	await provideSystemPackages();
	const missing = straceMissing();
	if (missing !== undefined) {
		console.log(`nothing can be killed: ${missing}`);
		process.exitCode = 1;
	} else {
		await provideCommands();
		await run();
	}
}
