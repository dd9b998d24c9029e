/** Looks for tokens where none belongs: in every log, state file, command line and environment. */
import { CANARY_PATTERN, findLeaks, type Leak } from "../../test/parts/canary.ts";
import { descendantsOf } from "../../test/parts/descendants.ts";
import type { Stage } from "./stage.ts";
import type { Story } from "./story.ts";

/** Often enough to see each command that lives for as long as Node takes to start, ms. */
const EVERY = 250;

/** Searches the command lines and environments of all that was started, for as long as it runs. */
export class ProcessSearch {
	leaks: Leak[] = [];
	readonly #timer: NodeJS.Timeout | undefined;

	constructor() {
		if (process.platform === "linux") this.#timer = setInterval(() => this.#look(), EVERY);
	}

	stop(): void {
		clearInterval(this.#timer);
	}

	#look(): void {
		const found = descendantsOf(process.pid).flatMap(leaksOfProcess);
		this.leaks = different([...this.leaks, ...found]);
	}
}

function leaksOfProcess(pid: number): Leak[] {
	try {
		return findLeaks({ pattern: CANARY_PATTERN, pids: [pid] });
	} catch {
		// It has ended meanwhile.
		return [];
	}
}

/** In everything that was said or written, once the story is over. */
export function leaksOf(
	{ commands, timeline, pc, host, consumer }: Stage,
	{ handedOver, own }: Story,
): Leak[] {
	const refreshTokens = [...handedOver, own].map(({ refreshToken }) => refreshToken);
	const accessTokens = [...handedOver, own].map(({ accessToken }) => accessToken);
	const logs = commands.logs.map(({ name, text }, at) => [`${name} (${at + 1})`, text]);
	return [
		// Nothing but claude's own files and the sink's may hold any token,
		...findLeaks({
			pattern: CANARY_PATTERN,
			tokens: [...refreshTokens, ...accessTokens, ...consumer.tokens],
			texts: { ...Object.fromEntries(logs), timeline: timeline.text },
			paths: [pc.scratch.path, host.scratch.path],
			allowed: [pc.claude.credentialsPath, host.claudeFolder],
		}),
		// those of the PC no refresh token that was handed over,
		...findLeaks({
			tokens: handedOver.map(({ refreshToken }) => refreshToken),
			paths: [pc.claude.credentialsPath],
		}),
		// and the sink none at all.
		...findLeaks({
			pattern: /sk-ant-ort01-[\w-]*/,
			tokens: refreshTokens,
			paths: [host.claudeFolder],
		}),
	];
}

/** Each place and token once. */
function different(leaks: readonly Leak[]): Leak[] {
	return [...new Map(leaks.map((leak) => [`${leak.where} ${leak.fp}`, leak])).values()];
}
