/** Which engine a name's refreshes go through: said by the settings, or by what this machine has. */

import { fingerprint } from "@baton/core/lineage";
import { CLAUDE_PROVIDER } from "@baton/core/oauth";
import type { ArmedSession } from "@baton/core/session";
import type { Settings } from "../settings.ts";
import type { ClaudeCliEngine } from "./claude-cli.ts";
import type { ClaudeFound, NoClaude } from "./claude-program.ts";
import type { Engine } from "./engine.ts";

export type EngineChoice =
	/** Without a program there is none that will do, and `why`. */
	| {
			readonly name: "claude-cli";
			readonly program?: string;
			readonly version?: string;
			readonly reason?: NoClaude;
			readonly why?: string;
	  }
	/** `why` it is not the other one, where that was left open. */
	| { readonly name: "http"; readonly reason?: NoClaude | "provider"; readonly why?: string };

/** @param find looks for claude; not asked where it has no part in this */
export async function chooseEngine(
	{ engine, provider }: Pick<Settings, "engine" | "provider">,
	find: () => Promise<ClaudeFound>,
): Promise<EngineChoice> {
	if (engine === "http") return { name: "http" };
	if (engine === "auto" && !isClaudesOwn(provider)) {
		const why = "claude refreshes at its own provider only";
		return { name: "http", reason: "provider", why };
	}
	const found = await find();
	if (found.kind === "recent") {
		const { program, version } = found;
		return { name: "claude-cli", program, version };
	}
	const { reason, why } = found;
	return { name: engine === "auto" ? "http" : "claude-cli", reason, why };
}

/** claude cannot be told of another. Whoever names the engine answers for that. */
function isClaudesOwn({ tokenUrl, clientId }: Settings["provider"]): boolean {
	return tokenUrl === CLAUDE_PROVIDER.tokenUrl && clientId === CLAUDE_PROVIDER.clientId;
}

/**
 * Chosen anew for each refresh: claude may come and go while the service runs. What a refresh by claude
 * has left is found whichever is chosen now.
 */
export function chosenEngine(
	choose: () => Promise<EngineChoice>,
	{ cli, http }: { readonly cli: ClaudeCliEngine; readonly http: Engine },
): Engine {
	return {
		async refresh(session: ArmedSession) {
			if ((await choose()).name === "claude-cli") return await cli.refresh(session);
			const left = await cli.clear(fingerprint(session.refreshToken));
			return left ?? (await http.refresh(session));
		},
		harvest: (fp) => cli.harvest(fp),
		settled: (durable) => cli.settled(durable),
	};
}
