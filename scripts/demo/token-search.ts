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

/** Everything that was said or written, once the story is over and the services have ended. */
export function leaksOf({ commands, timeline, pc, host, consumer }: Stage, story: Story): Leak[] {
	const { logins } = story;
	const [first, own, dedicated] = logins;
	const tokens = [
		...logins.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]),
		...consumer.tokens,
	];
	const texts = Object.fromEntries(
		commands.logs.map(({ name, text }, at) => [`${at} ${name}`, text]),
	);
	const handedOver = [first, dedicated].flatMap((login) => login?.refreshToken ?? []);
	return [
		// Nothing but claude's own files and the sink's may hold any token,
		...findLeaks({
			pattern: CANARY_PATTERN,
			tokens,
			texts: { ...texts, timeline: timeline.text },
			paths: [pc.scratch.path, host.scratch.path],
			allowed: [pc.claude.credentialsPath, host.claudeFolder],
		}),
		// those of the PC none that was handed over, and the sink no refresh token at all.
		...findLeaks({ tokens: handedOver, paths: [pc.claude.credentialsPath] }),
		...findLeaks({
			pattern: /sk-ant-ort01-[\w-]*/,
			tokens: [...handedOver, own?.refreshToken ?? []].flat(),
			paths: [host.claudeFolder],
		}),
	];
}

/** Each place and token once. */
function different(leaks: readonly Leak[]): Leak[] {
	return [...new Map(leaks.map((leak) => [`${leak.where} ${leak.fp}`, leak])).values()];
}
