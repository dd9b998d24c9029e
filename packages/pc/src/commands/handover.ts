/** `baton handover [HOST]`: hands over what the store holds now, or the next login in it. */

import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import { exitOf } from "../outcome.ts";
import { ask, tellOutcomes } from "./ask.ts";
import type { CommandContext } from "./context.ts";

export interface HandoverArguments {
	readonly host: string | undefined;
	readonly nextLogin: boolean;
	readonly replace: boolean;
	readonly store: "normal" | "dedicated" | undefined;
	readonly follow: boolean;
}

export async function handoverCommand(
	{ host: namedHost, nextLogin, replace, store: named, follow }: HandoverArguments,
	context: CommandContext,
): Promise<ExitCode> {
	const { hosts } = context.settings;
	const host = namedHost ?? onlyHost(Object.keys(hosts), context.configFile);
	const store = named ?? (hosts[host]?.login === "follow-login" ? "normal" : "dedicated");
	const request = {
		v: 1 as const,
		type: "handover" as const,
		host,
		store,
		replace,
		nextLogin,
		follow,
	};
	const outcomes = await ask(request, context);
	const exit = outcomes.map(exitOf).find((code) => code !== EXIT.well) ?? EXIT.well;
	tellOutcomes(outcomes, exit === EXIT.well, context, { named, store });
	return exit;
}

function onlyHost(hosts: readonly string[], configFile: string): string {
	const [host, ...others] = hosts;
	if (host !== undefined && others.length === 0) return host;
	if (host === undefined) {
		throw new BatonError("usage", "the settings name no host yet", {
			hint: `add one under hosts in ${configFile}`,
		});
	}
	throw new BatonError("usage", "to which host?", { hint: `name one: ${hosts.join(", ")}` });
}
