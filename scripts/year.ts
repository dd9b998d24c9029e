/**
 * `npm run year -- --seed S [--years N] [--json]`: a year of the custodian on a machine that has its bad
 * days, beside the two habits that people have without it, in the very same year. `--years N` goes on with
 * the seeds that follow; each third one has another kind of provider. Exits with 1 if a promise was broken,
 * and tells what happened around that.
 */

import { parseArgs } from "node:util";
import { MINUTE, SECOND } from "@baton/core/duration";
import { brokenPromises, type ComparedYear, compareYear } from "../test/sim/year/compare.ts";
import {
	AS_IT_IS,
	type Lived,
	type LivedByOurs,
	liveAsOurs,
	type Story,
} from "../test/sim/year/live.ts";
import { START, type Year } from "../test/sim/year/weather.ts";
import { otherArguments, printFacts } from "./facts-line.ts";

const { values } = parseArgs({
	args: otherArguments(),
	options: {
		seed: { type: "string", default: "1" },
		years: { type: "string", default: "1" },
		help: { type: "boolean", default: false },
	},
});

function count(name: string, text: string): number {
	const value = Number(text);
	if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} takes a whole number`);
	return value;
}

const OURS_ONLY = [
	"spentTwice",
	"lost",
	"lostInFlight",
	"pressed",
	"warnings",
	"secondsAwaitingPc",
] as const;
const EVERYBODYS = ["secondsWithoutToken", "refreshes", "checks", "logins"] as const;

function sum<K extends string>(all: readonly Record<K, number>[], fields: readonly K[]) {
	const total = (field: K) => all.reduce((before, one) => before + one[field], 0);
	return Object.fromEntries(fields.map((field) => [field, total(field)])) as Record<K, number>;
}

// For people

function tell({ year, ours, heartbeat, plugin }: ComparedYear): void {
	console.log(`seed ${year.seed}: ${aboutProvider(year)}`);
	console.log(`  ${aboutTroubles(year)}\n`);
	const row = (name: string, cell: (lived: Lived) => string) =>
		console.log(
			`  ${name.padEnd(34)}${[ours, heartbeat, plugin].map((lived) => cell(lived).padStart(12)).join("")}`,
		);
	console.log(
		`  ${"".padEnd(34)}${["ours", "heartbeat", "plugin"].map((name) => name.padStart(12)).join("")}`,
	);
	row("without a token that could be had", (lived) => lengthOf(lived.secondsWithoutToken * SECOND));
	row("refreshes", ({ refreshes }) => String(refreshes));
	row("looks", ({ checks }) => String(checks));
	row("logins a person gave", ({ logins }) => String(logins));
	console.log(`\n  ours: ${aboutOurs(ours)}\n`);
}

function aboutProvider({ semantics }: Year): string {
	if (semantics.rotation === "lenient") return "a provider that lets an old refresh token pass";
	const old = semantics.killsOld ? "dies at once" : "lives on";
	return `a provider that takes a refresh token once; at a refresh the old access token ${old}`;
}

function aboutTroubles({ barriers, absences, steps, fullDisk }: Year): string {
	const of = (kind: string) => barriers.filter((barrier) => barrier.kind === kind).length;
	return [
		`${of("outage")} outages of the provider, ${of("errors")} spells of 5xx, ${of("storm")} of 429,`,
		`${of("no-network")} of no network,\n  ${absences.length} reboots, crashes and sleeps,`,
		`${steps.length} steps of the clock, ${fullDisk.length} times a full disk`,
	].join(" ");
}

function aboutOurs(ours: LivedByOurs): string {
	const { spentTwice, lost, warnings, secondsAwaitingPc } = ours;
	const held = lengthOf(secondsAwaitingPc * SECOND);
	return `${spentTwice} spent twice, ${lost} lost, ${warnings} warnings; ${held} more for the PC's word`;
}

function lengthOf(ms: number): string {
	const minutes = Math.floor(ms / MINUTE);
	if (minutes === 0) return `${Math.ceil(ms / SECOND)} s`;
	return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// Where a promise was broken

const GAPS_TOLD = 3;
const BEFORE_A_GAP = 15 * MINUTE;

async function tellBroken(year: Year, broken: readonly string[]): Promise<void> {
	for (const what of broken) console.log(`  broken: ${what}`);
	const story: Story = { lines: [], gaps: [] };
	await liveAsOurs(year, AS_IT_IS, story);
	const isViolation = ({ what }: Story["lines"][number]) => what.startsWith("VIOLATION");
	const moments = story.lines.filter(isViolation).map(({ at }) => ({ from: at, until: at }));
	for (const { from, until } of [...moments, ...story.gaps].slice(0, GAPS_TOLD)) {
		console.log(`\n  from ${stamp(from)} to ${stamp(until)}`);
		for (const { at, what } of story.lines) {
			if (at > from - BEFORE_A_GAP && at < until + MINUTE) console.log(`    ${stamp(at)} ${what}`);
		}
	}
}

function stamp(at: number): string {
	const clock = new Date(at - START).toISOString().slice(11, 19);
	return `day ${Math.floor((at - START) / (24 * 60 * MINUTE))} ${clock}`;
}

async function run(first: number, years: number): Promise<void> {
	const compared: ComparedYear[] = [];
	let ok = true;
	for (let seed = first; seed < first + years; seed += 1) {
		const one = await compareYear(seed);
		compared.push(one);
		tell(one);
		const broken = brokenPromises(one.year, one.ours);
		if (broken.length === 0) continue;
		ok = false;
		await tellBroken(one.year, broken);
	}
	const ours = compared.map((one) => one.ours);
	printFacts({
		...{ seed: first, years },
		ours: { ...sum(ours, EVERYBODYS), ...sum(ours, OURS_ONLY) },
		heartbeat: sum(
			compared.map((one) => one.heartbeat),
			EVERYBODYS,
		),
		plugin: sum(
			compared.map((one) => one.plugin),
			EVERYBODYS,
		),
		ok,
	});
	process.exitCode = ok ? 0 : 1;
}

if (values.help) console.log("npm run year -- [--seed S] [--years N] [--json]");
else await run(count("seed", values.seed), Math.max(1, count("years", values.years)));
