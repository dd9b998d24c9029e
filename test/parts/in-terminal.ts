/** Runs a program in a terminal of its own, as a person would: Ctrl-C is a key there. */
import { type Child, type ChildOptions, startChild } from "./child-process.ts";

/** Of util-linux. */
const SCRIPT = "/usr/bin/script";

export interface InTerminal extends Child {
	/** As the key does: everyone in the foreground hears of it. */
	ctrlC(): void;
}

/** Both outputs come as one, on standard output, with the ends of lines a terminal has. */
export async function startInTerminal(options: ChildOptions): Promise<InTerminal> {
	// The shell gives way to it, and with that its own thoughts about Ctrl-C.
	const command = options.argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
	const argv = [
		SCRIPT,
		"--quiet",
		"--return",
		"--flush",
		"--command",
		`exec ${command}`,
		"/dev/null",
	] as const;
	const child = await startChild({ ...options, argv });
	return Object.assign(child, { ctrlC: () => child.write("\u0003") });
}
