/**
 * The rules a simulation runs under: the real decisions, or with a mutant, the real ones with one
 * deliberate fault around them.
 */

import { type CustodyRules, DEFAULT_RULES } from "@baton/core/custody-state";
import { decideCustody, startCustody } from "@baton/core/decide-custody";
import { decideHandover, startHandover } from "@baton/core/decide-handover";
import { decidePublish } from "@baton/core/decide-publish";
import { judgeSinkFile } from "@baton/core/judge-sink-file";

export interface Rules {
	readonly startCustody: typeof startCustody;
	readonly decideCustody: typeof decideCustody;
	readonly startHandover: typeof startHandover;
	readonly decideHandover: typeof decideHandover;
	readonly decidePublish: typeof decidePublish;
	readonly judgeSinkFile: typeof judgeSinkFile;
	readonly custody: CustodyRules;
	/** How long a lock must have stood still, and its owner be gone, before it is broken. */
	readonly breaksLocksOfTheLiving: boolean;
	/** A second service on the same state folder is let in. */
	readonly twoServices: boolean;
	/** Effects of a decision as they are to be performed. */
	readonly reorder: <E extends { readonly type: string }>(effects: readonly E[]) => readonly E[];
}

export const REAL_RULES: Rules = {
	startCustody,
	decideCustody,
	startHandover,
	decideHandover,
	decidePublish,
	judgeSinkFile,
	custody: DEFAULT_RULES,
	breaksLocksOfTheLiving: false,
	twoServices: false,
	reorder: (effects) => effects,
};
