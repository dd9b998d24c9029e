/** The commands that take part, each a process; all they say is kept, to be searched and shown. */
import type { BatonPc } from "../../test/e2e/baton-pc.ts";
import type { BatondHost } from "../../test/e2e/batond-host.ts";
import type { Child, Exit } from "../../test/parts/child-process.ts";
import type { Timeline } from "./timeline.ts";

/** Enough for a machine that is busy with other things, ms. */
export const LIMIT = 30_000;

interface Started {
	readonly name: string;
	readonly child: Child;
}

export class Commands {
	readonly #timeline: Timeline;
	readonly #started: Started[] = [];

	constructor(timeline: Timeline) {
		this.#timeline = timeline;
	}

	/** What each of them said so far, the first one first. */
	get logs(): { name: string; text: string }[] {
		return this.#started.map(({ name, child }) => ({
			name,
			// What `batond token` is there to print is the one token that is printed.
			text: (name === "batond token" ? "" : child.stdout()) + child.stderr(),
		}));
	}

	async baton(pc: BatonPc, ...args: string[]): Promise<Child> {
		this.#timeline.command("pc", ["baton", ...args].join(" "));
		return this.#keep("baton", args, await pc.start(...args));
	}

	async batond(host: BatondHost, ...args: string[]): Promise<Child> {
		this.#timeline.command("vps", ["batond", ...args].join(" "));
		return this.#keep("batond", args, await host.start(...args));
	}

	#keep(program: string, args: string[], child: Child): Child {
		this.#started.push({ name: `${program} ${args[0] ?? ""}`, child });
		return child;
	}
}

/** Runs until it has ended by itself. */
export async function endOf(child: Child): Promise<Exit> {
	return await child.ended(LIMIT);
}

/** Ends a service as the system would. @throws Error when it does not end, or not well */
export async function endInOrder(child: Child): Promise<void> {
	if (child.exit() === undefined) child.kill("SIGTERM");
	const { code, signal } = await endOf(child);
	if (code !== 0) throw new Error(`a service ended with ${signal ?? code}`);
}
