/**
 * `baton`: the PC's side of Baton. This file alone prints and exits.
 */

import { homedir, hostname } from "node:os";
import { BatonError, EXIT } from "@baton/core/error";
import { systemClock } from "@baton/io/clock";
import { faultPlace } from "@baton/io/fault-place";
import { heedInterrupts } from "@baton/io/interrupts";
import { runCli } from "./cli.ts";
import type { Terminal } from "./terminal.ts";

const INTERRUPTED = Symbol("interrupted");

const terminal: Terminal = {
	out: (line) => void process.stdout.write(`${line}\n`),
	err: (line) => void process.stderr.write(`${line}\n`),
	log: process.stderr,
	columns: process.stdout.columns ?? 80,
};

function tellError(error: unknown, json: boolean): void {
	const { code, message, hint } = described(error);
	terminal.err(`error: ${message}`);
	if (hint !== undefined) terminal.err(`next: ${hint}`);
	if (json) terminal.out(JSON.stringify({ ok: false, error: { code, message, hint } }));
}

function described(error: unknown): { code: string; message: string; hint?: string | undefined } {
	if (error === INTERRUPTED) {
		return {
			code: "interrupted",
			message: "interrupted; what has begun goes on when baton runs again",
			hint: "baton status",
		};
	}
	if (error instanceof BatonError) return error;
	return { code: "internal", message: `an unforeseen fault: ${faultPlace(error)}` };
}

async function main(args: readonly string[]): Promise<void> {
	const exit = () => process.exit(EXIT.fault);
	const { signal, lend } = heedInterrupts(process, INTERRUPTED, exit);
	const surroundings = {
		env: process.env,
		home: homedir(),
		hostname: hostname(),
		platform: process.platform,
		clock: systemClock,
		signal,
		lend,
	};
	// A reader that has seen enough, as with head.
	for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
	try {
		process.exitCode = await runCli(args, terminal, surroundings);
	} catch (error) {
		tellError(error, args.includes("--json"));
		process.exitCode = error instanceof BatonError ? error.exitCode : EXIT.fault;
	}
}

// Node would print a fault whole, with all that its message quotes and what it bears.
process.on("uncaughtException", (fault) => {
	tellError(fault, false);
	process.exit(EXIT.fault);
});
// Unheard, this signal opens a debugger for everybody on this machine.
process.on("SIGUSR1", () => undefined);
await main(process.argv.slice(2));
