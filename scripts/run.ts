/** Runs one command, argv only; either its output is kept to be judged or a person watches it. */
import { spawn } from "node:child_process";
import { ROOT } from "./project.ts";

export interface RunOptions {
	/** Folder to run in; the repository by default. */
	cwd?: string;
	/** Variables on top of this process's own. */
	env?: Record<string, string>;
	/** Show the output as it comes instead of keeping it. */
	show?: boolean;
}

export interface Outcome {
	/** Exit code; 1 where a signal ended it, 127 where it could not be started. */
	code: number;
	/** stdout and stderr together, empty where it was shown. */
	output: string;
}

export function run(argv: readonly [string, ...string[]], options: RunOptions = {}) {
	const [command, ...args] = argv;
	return new Promise<Outcome>((resolve) => {
		const child = spawn(command, args, {
			cwd: options.cwd ?? ROOT,
			// A `--json` given to `npm run` is for the script, not for the npm it starts.
			env: { ...process.env, npm_config_json: undefined, ...options.env },
			stdio: ["ignore", options.show ? "inherit" : "pipe", options.show ? "inherit" : "pipe"],
		});
		const chunks: Buffer[] = [];
		child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
		child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
		child.once("error", (error) =>
			resolve({ code: 127, output: `${command}: ${error.message}\n` }),
		);
		child.once("close", (code) =>
			resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }),
		);
	});
}

/** Like `run`, for a command that has to succeed. */
export async function mustRun(argv: readonly [string, ...string[]], options: RunOptions = {}) {
	const { code, output } = await run(argv, options);
	if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}\n${output}`);
	return output;
}
