/** What `npm run demo -- …` understands. */
import { parseArgs } from "node:util";
import { sshdMissing } from "../../test/parts/sshd.ts";

export interface DemoOptions {
	/** The system's OpenSSH server instead of the embedded one. */
	readonly sshd: boolean;
	/** The provider kills the old access token at each rotation. */
	readonly strict: boolean;
}

const HELP = `npm run demo [-- OPTIONS]

Shows in under a minute what baton and batond do. A PC, a VPS and a provider are
made up on this machine, in scratch folders and on 127.0.0.1; the commands are
the real ones, each a process of its own. Asks nothing, needs no root, touches
no login of yours, and leaves nothing behind.

  --sshd    the system's OpenSSH server instead of one made of the package ssh2
  --strict  the provider kills the old access token at the moment of a rotation;
            the consumer then does as claude does: a request that is answered 401
            is sent again with the token its file holds by then
  --json    the last line is one object
  --help    this text

Exit codes: 0 all went well, 1 something did not, 2 usage.`;

/** Prints help and ends, or says what is wrong and ends, where there is nothing to play. */
export function demoOptions(args: string[]): DemoOptions {
	try {
		const flags = { sshd: FLAG, strict: FLAG, help: { ...FLAG, short: "h" } } as const;
		const { sshd, strict, help } = parseArgs({ args, options: flags }).values;
		if (help) end(HELP, 0);
		if (process.platform === "win32") end("batond runs on Linux; try this there or on macOS", 2);
		const missing = sshd ? sshdMissing() : undefined;
		if (missing !== undefined) end(`--sshd: ${missing}\nwithout --sshd none is needed`, 2);
		return { sshd, strict };
	} catch (error) {
		const [said = ""] = error instanceof Error ? error.message.split(". ") : [];
		return end(`${said.charAt(0).toLowerCase()}${said.slice(1)}\nnext: npm run demo -- --help`, 2);
	}
}

const FLAG = { type: "boolean", default: false } as const;

function end(text: string, code: 0 | 2): never {
	(code === 0 ? console.log : console.error)(text);
	process.exit(code);
}
