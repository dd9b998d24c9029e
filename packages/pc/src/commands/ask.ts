/** Puts a request to whoever owns the state: a running watcher, or else this process for the time. */

import { controlAddress } from "../control/address.ts";
import { answerControl } from "../control/answer.ts";
import { askWatcher } from "../control/ask-watcher.ts";
import type { HandoverRequest, TakeBackRequest } from "../control/messages.ts";
import { howToLogin } from "../new-login.ts";
import type { Outcome } from "../outcome.ts";
import { type AskedFor, outcomeWords } from "../outcome-words.ts";
import { ownState } from "../own-state.ts";
import { pcRules } from "../settings.ts";
import { type CommandContext, ownStateOptions } from "./context.ts";

/** @throws BatonError what the request comes to; the signal's reason when it is interrupted */
export async function ask(
	request: HandoverRequest | TakeBackRequest,
	context: CommandContext,
): Promise<Outcome[]> {
	const { places, clock, signal, terminal } = context;
	const tell = (text: string) => terminal.err(text);
	const address = controlAddress(places.folder);
	const reply = await askWatcher(address, request, clock, tell, signal);
	if (reply?.type === "done") return reply.outcomes;
	const options = ownStateOptions(context, "error");
	return await ownState(options, async (owned) => {
		const answer = answerControl({ ...owned, clock, trouble: () => undefined });
		const own = await answer(request, tell, signal);
		return own.type === "done" ? own.outcomes : [];
	});
}

/** The result to standard output, the next step to standard error; with `--json` both in one object. */
export function tellOutcomes(
	outcomes: readonly Outcome[],
	ok: boolean,
	{ terminal, json, settings }: CommandContext,
	stores: Omit<AskedFor, "login"> = { named: undefined, store: undefined },
): void {
	const login = howToLogin(pcRules(settings).hosts, undefined);
	const asked = { ...stores, login };
	const told = outcomes.map((outcome) => ({ outcome, ...outcomeWords(outcome, asked) }));
	for (const { line, next } of told) {
		if (!json) terminal.out(line);
		if (next !== undefined) terminal.err(`next: ${next}`);
	}
	if (!json) return;
	const objects = told.map(({ outcome, line, next }) => ({
		...outcome,
		...(outcome.fp === undefined ? {} : { fp: outcome.fp.slice(0, 12) }),
		words: line,
		...(next === undefined ? {} : { next }),
	}));
	const [first, ...others] = objects;
	terminal.out(JSON.stringify({ ok, ...first, ...(others.length > 0 ? { others } : {}) }));
}
