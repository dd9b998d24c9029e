/**
 * `npm run bench -- [--runs N] [--idle SECONDS] [--json]`: what batond costs beside the least that the same
 * machine needs for anything. Printed as ratios of one run, since times of different machines and moments say
 * little; asserted nowhere.
 */
import {
	closeSync,
	fsyncSync,
	openSync,
	readFileSync,
	renameSync,
	statSync,
	writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { handOver, makeBatondHost } from "../test/e2e/batond-host.ts";
import { runChild, startChild, stopAllChildren } from "../test/parts/child-process.ts";
import { startOAuthServer } from "../test/parts/oauth-server.ts";
import { provideCommands } from "./demo/provide-commands.ts";
import { otherArguments, printFacts } from "./facts-line.ts";

const { values } = parseArgs({
	args: otherArguments(),
	options: {
		runs: { type: "string", default: "11" },
		idle: { type: "string", default: "20" },
	},
});
const RUNS = Number(values.runs);
const IDLE_MS = Number(values.idle) * 1000;

interface Pair {
	readonly ours: number;
	readonly bare: number;
}

function median(numbers: readonly number[]): number {
	const sorted = numbers.toSorted((a, b) => a - b);
	return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const NODE = process.execPath;
const IDLE_NODE = "process.stdout.write('ready\\n'); setInterval(() => {}, 1e9)";

/** One after the other in turns, so that both meet the same machine. Medians, ms. */
async function compareStarts(token: () => Promise<unknown>): Promise<Pair> {
	const [ours, bare]: [number[], number[]] = [[], []];
	for (let run = 0; run < RUNS; run += 1) {
		ours.push(await timed(token));
		bare.push(await timed(() => runChild({ argv: [NODE, "-e", "0"] })));
	}
	return { ours: median(ours), bare: median(bare) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
	const began = performance.now();
	await work();
	return performance.now() - began;
}

/** Resident memory, bytes. */
function memoryOf(pid: number): number {
	const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
	return Number(kilobytes) * 1024;
}

/** Ms of a processor since it began; the kernel counts hundredths of a second. */
function processorOf(pid: number): number {
	const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
		.replace(/^.*\) /, "")
		.split(" ");
	return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** While nothing is asked of either. */
async function compareIdle(
	service: number,
	bare: number,
): Promise<{ memory: Pair; processor: Pair }> {
	const before = [processorOf(service), processorOf(bare)] as const;
	await pause(IDLE_MS);
	const perMinute = (pid: number, since: number) => ((processorOf(pid) - since) * 60_000) / IDLE_MS;
	return {
		memory: { ours: memoryOf(service), bare: memoryOf(bare) },
		processor: { ours: perMinute(service, before[0]), bare: perMinute(bare, before[1]) },
	};
}

/** A file of the same size, synced, renamed into place, and its folder synced. Ms. */
function bareReplace(file: string): number {
	const content = readFileSync(file);
	const began = performance.now();
	const fresh = `${file}.bench`;
	const fd = openSync(fresh, "w", 0o600);
	writeSync(fd, content);
	fsyncSync(fd);
	closeSync(fd);
	renameSync(fresh, `${file}.bench-done`);
	const folder = openSync(dirname(file), "r");
	fsyncSync(folder);
	closeSync(folder);
	return performance.now() - began;
}

function show(what: string, { ours, bare }: Pair, unit: string, digits = 0): number {
	const ratio = ours / bare;
	const words = Number.isFinite(ratio) ? ratio.toFixed(1) : "none";
	console.log(
		`${what.padEnd(46)} ${ours.toFixed(digits)} ${unit} : ${bare.toFixed(digits)} ${unit} = ${words}`,
	);
	return Number.isFinite(ratio) ? Math.round(ratio * 100) / 100 : 0;
}

async function run(): Promise<void> {
	await provideCommands();
	const provider = await startOAuthServer({ accessTokenSeconds: 28_800 });
	const host = makeBatondHost(provider);
	try {
		const service = await host.serve();
		await handOver(host, await provider.mintLogin());
		const bare = await startChild({ argv: [NODE, "-e", IDLE_NODE] });
		await bare.line(/ready/);

		const start = await compareStarts(() => host.run("token"));
		const { memory, processor } = await compareIdle(service.pid, bare.pid);
		const file = join(host.claudeFolder, ".credentials.json");
		const [toSinks, replaces]: [number[], number[]] = [[], []];
		for (let rotation = 0; rotation < Math.min(RUNS, 7); rotation += 1) {
			await host.run("refresh", "--force", "--yes");
			// From the moment the provider saw the request to the file in its place.
			const seen = (await provider.presentations()).at(-1)?.at ?? Number.NaN;
			toSinks.push(statSync(file).mtimeMs - seen);
			replaces.push(bareReplace(file));
		}

		console.log("batond : the least there is = ratio");
		printFacts({
			token: show("batond token : node -e 0", start, "ms"),
			memory: show(
				"idle memory, serve : a bare Node",
				{ ours: memory.ours / 1e6, bare: memory.bare / 1e6 },
				"MB",
			),
			processor: show("idle processor a minute, serve : a bare Node", processor, "ms"),
			toSinks: show(
				"refresh sent to sink written : fsync and rename",
				{ ours: median(toSinks), bare: median(replaces) },
				"ms",
				1,
			),
		});
	} finally {
		await stopAllChildren();
		await provider.close();
		host.scratch.remove();
	}
}

await run();
