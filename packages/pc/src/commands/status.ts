/** `baton status [HOST]`: reads the record and asks a running watcher; writes and sends nothing. */

import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { EMPTY_PC_RECORD } from "@baton/core/handover-state";
import { readState } from "@baton/io/state-file";
import { controlAddress } from "../control/address.ts";
import { askWatcher } from "../control/ask-watcher.ts";
import type { LiveFacts } from "../control/messages.ts";
import { PC_RECORD_FORMAT } from "../pc-record.ts";
import { pcRules } from "../settings.ts";
import { statusFacts } from "../status-facts.ts";
import { statusText } from "../status-text.ts";
import type { CommandContext } from "./context.ts";

export async function statusCommand(
	only: string | undefined,
	context: CommandContext,
): Promise<ExitCode> {
	const { settings, places, terminal, json, clock } = context;
	const live = await liveFacts(context);
	const record = (await readState(places.record, PC_RECORD_FORMAT)) ?? EMPTY_PC_RECORD;
	const facts = statusFacts(record, pcRules(settings), live, only);
	if (only !== undefined && facts.hosts.length === 0) {
		throw new BatonError("usage", `there is no host ${only} in the settings`, {
			hint: `known: ${Object.keys(settings.hosts).join(", ") || "none yet"}`,
		});
	}
	if (json) terminal.out(JSON.stringify(facts));
	else for (const line of statusText(facts, clock.now())) terminal.out(line);
	return EXIT.well;
}

/** A watcher that does not answer as it should is told of, and the record alone must do. */
async function liveFacts({
	places,
	clock,
	signal,
	terminal,
}: CommandContext): Promise<LiveFacts | undefined> {
	const address = controlAddress(places.folder);
	try {
		const request = { v: 1 as const, type: "status" as const };
		const reply = await askWatcher(address, request, clock, () => undefined, signal);
		return reply?.type === "status" ? reply.live : undefined;
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		terminal.err(`the watcher does not answer: ${error.message}`);
		return undefined;
	}
}
