/** The engines of all names: which one refreshes, each in a folder of its name. */

import { join } from "node:path";
import { buildKnock, judgeKnock } from "@baton/core/knock";
import type { RefreshOutcome } from "@baton/core/oauth";
import type { Clock } from "@baton/io/clock";
import { VERSION } from "@baton/io/version";
import { atHome } from "./at-home.ts";
import { chooseEngine, chosenEngine, type EngineChoice } from "./engines/choose-engine.ts";
import { ClaudeCliEngine } from "./engines/claude-cli.ts";
import { type ClaudeNetwork, claudeEnvironment } from "./engines/claude-environment.ts";
import { type ClaudeFound, claudeProgram } from "./engines/claude-program.ts";
import type { Engine } from "./engines/engine.ts";
import { httpEngine, limitsWithin } from "./engines/http.ts";
import type { Route } from "./engines/route.ts";
import { sendRequest } from "./engines/send-request.ts";
import { providerOf, type Settings } from "./settings.ts";
import { ENGINE } from "./state-folder.ts";

export interface EnginesOptions {
	readonly settings: Settings;
	readonly stateFolder: string;
	readonly environment: NodeJS.ProcessEnv;
	readonly route: Route;
	readonly clock: Clock;
	onLeftover(name: string, why: string): void;
}

export interface Engines {
	of(name: string): Engine;
	/** As it was chosen last; undefined as long as claude is being looked for. */
	choice(): EngineChoice | undefined;
}

/** Of the request limit, as claude is waited for; its outcome is to be saved within the rest. */
const WAITED_FOR = 5 / 6;

export function openEngines(options: EnginesOptions): Engines {
	const { settings, stateFolder, route, clock } = options;
	const seen = environmentOf(options);
	const look = engineChooser(options);
	let last: EngineChoice | undefined;
	const choose = async () => {
		last = await look();
		return last;
	};
	// To tell people; a claude that starts slowly holds up nothing.
	void choose();
	const { requestLimit } = settings.timing;
	const provider = providerOf(settings, VERSION);
	const now = () => clock.now();
	const http = httpEngine(provider, requestLimit, now, route);
	const knock = async (): Promise<RefreshOutcome | undefined> => {
		const sent = await sendRequest(buildKnock(provider), limitsWithin(requestLimit / 4), route);
		if (sent.kind === "response") return judgeKnock(sent.response, now());
		// Nothing was asked that could have been granted, so that no answer is as good as no connection.
		return sent.kind === "not-sent" ? sent : { kind: "not-sent" };
	};
	return {
		choice: () => last,
		of(name) {
			const cli = new ClaudeCliEngine({
				folder: join(stateFolder, ENGINE, name),
				environment: seen,
				program: async () => (last?.name === "claude-cli" ? last.program : undefined),
				knock,
				waitMs: requestLimit * WAITED_FOR,
				clock,
				onLeftover: (why) => options.onLeftover(name, why),
			});
			return chosenEngine(choose, { cli, http });
		},
	};
}

type Surroundings = Pick<EnginesOptions, "settings" | "environment" | "route">;

/** Looks, and chooses, each time it is called; refreshes nothing. */
export function engineChooser(surroundings: Surroundings): () => Promise<EngineChoice> {
	const { settings, route } = surroundings;
	const named = settings.claude === undefined ? undefined : atHome(settings.claude);
	const look = claudeProgram({ named, environment: environmentOf(surroundings) });
	const find = route.proxy?.credentials === undefined ? look : async () => BEHIND_PASSWORD;
	return () => chooseEngine(settings, find);
}

function environmentOf({ settings, environment, route }: Surroundings): Record<string, string> {
	return claudeEnvironment(environment, networkOf(settings, route));
}

const BEHIND_PASSWORD: ClaudeFound = {
	kind: "none",
	reason: "proxy",
	why: "the proxy wants a password, and claude's environment is no place for one",
};

function networkOf({ provider }: Settings, { proxy }: Route): ClaudeNetwork {
	return {
		proxy: proxy?.url.href,
		except: proxy?.except ?? [],
		ca: provider.ca === undefined ? undefined : atHome(provider.ca),
	};
}
