/**
 * `batond`: the custodian of a Claude Code login that was handed over to this machine. It refreshes the
 * login and gives access tokens, never refresh tokens, to those who need them.
 *
 * This is the only file that prints, exits and reads the process; everything else gets what it needs.
 */

import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { faultPlace } from "@baton/io/fault-place";
import { heedInterrupts } from "@baton/io/interrupts";
import type { Said } from "./said.ts";

const args = process.argv.slice(2);

/** Yargs, zod and the service are loaded only by the commands that need them. */
async function run(): Promise<Said> {
	const said = await runQuickly();
	if (said !== undefined) return said;
	// A second one changes nothing: the service ends in order, or is killed.
	const hungUp = new AbortController();
	const { signal, lend } = heedInterrupts(process, undefined, () => {}, ["SIGTERM", "SIGINT"]);
	const { runCli } = await import("./cli.ts");
	return await runCli(args, {
		environment: process.env,
		input: process.stdin,
		output: process.stdout,
		errors: process.stderr,
		stop: AbortSignal.any([signal, hungUp.signal]),
		onHangup(listener) {
			// The terminal it was tried in has gone: that is the end of it.
			process.on("SIGHUP", process.stderr.isTTY ? () => hungUp.abort() : listener);
		},
		lend,
	});
}

/** Undefined for what is not called often, or not written as usual. */
async function runQuickly(): Promise<Said | undefined> {
	const [command, ...rest] = args;
	if (command === "token") {
		const { tokenCommand } = await import("./token-command.ts");
		return await tokenCommand(rest, process.env);
	}
	if (command === "check") {
		const { checkCommand } = await import("./check-command.ts");
		return await checkCommand(rest, process.env);
	}
	return undefined;
}

function explain(error: unknown): Said {
	const known = error instanceof BatonError;
	const message = known ? error.message : "a fault in batond itself";
	const hint = known ? error.hint : "please report it with the lines above";
	const trace = known ? "" : `${faultPlace(error)}\n`;
	const next = hint === undefined ? "" : `next: ${hint}\n`;
	const facts = { ok: false, error: { code: known ? error.code : "internal", message, hint } };
	return {
		stdout: args.includes("--json") ? `${JSON.stringify(facts)}\n` : "",
		stderr: `${trace}error: ${message}\n${next}`,
		code: known ? error.exitCode : EXIT.fault,
	};
}

function end({ stdout, stderr, code }: Said): void {
	process.stderr.write(stderr);
	// What is left open, a probe on its way perhaps, is not waited for; what is printed is.
	process.stdout.write(stdout, () => exit(code));
}

function exit(code: ExitCode): never {
	process.exit(code);
}

// Node would print a fault whole, with all that its message quotes and what it bears.
process.on("uncaughtException", (fault) => {
	process.stderr.write(explain(fault).stderr);
	exit(EXIT.fault);
});
// Unheard, this signal opens a debugger for everybody on this machine.
process.on("SIGUSR1", () => undefined);
process.stdout.on("error", () => exit(EXIT.fault));
run().then(end, (error: unknown) => end(explain(error)));
