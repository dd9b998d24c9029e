/** Programs that read a login's access tokens, where Baton's files do not reach: other users, containers. */

import type { Finding } from "./finding.ts";

export interface ProcessFacts {
	readonly pid: number;
	readonly uid: number;
	/** `claude`, `openclaw`. */
	readonly program: string;
	/** Whether it sees another file system; undefined where that cannot be told. */
	readonly isElsewhere: boolean | undefined;
}

export interface ConsumerFacts {
	readonly uid: number;
	/** This very program runs in a container. */
	readonly inContainer: boolean;
	/** Sockets of programs that run containers. */
	readonly engines: readonly string[];
	readonly processes: readonly ProcessFacts[];
}

/** @returns undefined for what is no consumer that is known */
export function consumerIn(argv: readonly string[]): string | undefined {
	const names = argv.slice(0, 3).map((word) => /[^/]*$/.exec(word)?.[0] ?? "");
	const [program = "", script = ""] = names;
	if (program === "claude" || program === "openclaw") return program;
	if (!/^(?:node|bun)/.test(program)) return undefined;
	if (script === "claude" || argv[1]?.includes("@anthropic-ai/claude-code")) return "claude";
	return /openclaw(?:\.m?js)?$/.test(script) || argv[1]?.includes("/openclaw/")
		? "openclaw"
		: undefined;
}

export function judgeConsumers({ uid, inContainer, engines, processes }: ConsumerFacts): Finding[] {
	const about = "consumers";
	const others = processes.filter((one) => one.uid !== uid);
	const elsewhere = processes.filter((one) => one.uid === uid && one.isElsewhere === true);
	const found: Finding[] = [
		...others.map((one): Finding => {
			const says = `${one.program} of user ${one.uid} (process ${one.pid}) does not read this user's files`;
			const hint =
				"give it a sink of its own that it may read, a template with a group, or batond token";
			return { about, gravity: "doubtful", says, hint };
		}),
		...elsewhere.map((one): Finding => {
			const says = `${one.program} (process ${one.pid}) sees another file system, as in a container`;
			const hint = "mount the folder of a sink there, and not the file alone";
			return { about, gravity: "doubtful", says, hint };
		}),
	];
	if (inContainer) {
		const says = "this runs in a container: programs outside of it, and their files, are not seen";
		found.push({ about, gravity: "unseen", says });
	}
	if (engines.length > 0) {
		const says = `containers may run here (${engines.join(", ")}), and what is mounted in them is not seen`;
		const hint = "mount the folder of a sink there, and not the file alone";
		found.push({ about, gravity: "unseen", says, hint });
	}
	if (found.length > 0) return found;
	const seen = processes.length === 0 ? "none runs just now" : `${processes.length} of this user`;
	return [{ about, gravity: "well", says: `claude and openclaw: ${seen}` }];
}
