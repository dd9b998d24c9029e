/** What every part of a simulated world shares. */

import type { Oracle } from "./oracle.ts";
import type { Provider } from "./provider.ts";
import type { Random } from "./random.ts";
import type { Rules } from "./rules.ts";
import type { Timeline } from "./timeline.ts";
import type { VpsNode } from "./vps-node.ts";

/** How often things go wrong; all zero once the world has calmed down. Shares from 0 to 1. */
export interface Faults {
	/** At each point before and after an effect. */
	crash: number;
	messageLost: number;
	messageDoubled: number;
	messageLate: number;
	/** A link cut after the request arrived. */
	answerLost: number;
	refreshDropped: number;
	refreshReplyLost: number;
	refreshRefused: number;
	probeSilent: number;
	sinkFails: number;
	diskFull: number;
	sleep: number;
}

export const CALM: Faults = {
	crash: 0,
	messageLost: 0,
	messageDoubled: 0,
	messageLate: 0,
	answerLost: 0,
	refreshDropped: 0,
	refreshReplyLost: 0,
	refreshRefused: 0,
	probeSilent: 0,
	sinkFails: 0,
	diskFull: 0,
	sleep: 0,
};

export interface World {
	readonly timeline: Timeline;
	readonly random: Random;
	readonly provider: Provider;
	readonly oracle: Oracle;
	readonly rules: Rules;
	faults: Faults;
	/** The official claude refreshes on the VPS. */
	readonly byClaude: boolean;
	vps(): VpsNode;
	/** A line for the transcript; free unless one is wanted. */
	tell(line: () => string): void;
}
