/** `baton take-back HOST`: undoes a hand-over that was never claimed. */

import { EXIT, type ExitCode } from "@baton/core/error";
import { exitOf, type Outcome } from "../outcome.ts";
import { ask, tellOutcomes } from "./ask.ts";
import type { CommandContext } from "./context.ts";

export interface TakeBackArguments {
	readonly host: string;
	readonly force: boolean;
}

export async function takeBackCommand(
	{ host, force }: TakeBackArguments,
	context: CommandContext,
): Promise<ExitCode> {
	const outcomes = await ask({ v: 1, type: "take-back", host, force }, context);
	const exit = outcomes.map(exitOfTakeBack).find((code) => code !== EXIT.well) ?? EXIT.well;
	const stores = { named: undefined, store: undefined, takeBack: true };
	tellOutcomes(outcomes, exit === EXIT.well, context, stores);
	return exit;
}

/** A claim that came first is the one thing that cannot be undone. */
function exitOfTakeBack(outcome: Outcome): ExitCode {
	return outcome.result === "handed-over" ? EXIT.declined : exitOf(outcome);
}
