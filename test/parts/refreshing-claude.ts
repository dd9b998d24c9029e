/** A program `claude` in the place of the official one: as far as it refreshes the login in its folder. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isRunning } from "./is-running.ts";
import type { OAuthServer } from "./oauth-control.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

/** How it fares at its next runs; well unless told otherwise. */
export interface RefreshScene {
	/** What it calls itself. */
	version?: string;
	/** How long it takes before it sends anything, ms. */
	lagsMs?: number;
	/** Where SIGKILL meets it. */
	dies?:
		| "before-sending"
		/** The provider has done what was asked, and the answer is read by nobody. */
		| "after-sending"
		| "half-written"
		| "before-rename"
		| "after-writing";
	/** It does not end with its input. */
	stays?: boolean;
	/** It ends at once; what it has started refreshes. */
	byHelper?: boolean;
}

export interface ClaudeRefreshRun {
	pid: number;
	args: string[];
	env: Record<string, string>;
}

export interface RefreshingClaude {
	readonly path: string;
	plays(scene: RefreshScene): void;
	/** Each time it was run to refresh, in order. */
	runs(): ClaudeRefreshRun[];
	/** Ends what still runs of it. */
	end(): void;
	readonly scratch: Scratch;
}

const MAIN = fileURLToPath(new URL("./refreshing-claude-main.mjs", import.meta.url));

export function makeRefreshingClaude(
	provider: Pick<OAuthServer, "tokenUrl" | "clientId">,
): RefreshingClaude {
	const scratch = makeScratch();
	const [scene, runsFile, path] = ["scene.json", "runs", "claude"].map((name) => scratch.at(name));
	const words = [process.execPath, MAIN, scene, runsFile].map((word) => `'${word}'`).join(" ");
	writeFileSync(path ?? "", `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
	const { tokenUrl, clientId } = provider;
	const plays = (next: RefreshScene) =>
		writeFileSync(scene ?? "", JSON.stringify({ tokenUrl, clientId, ...next }));
	const runs = () => {
		const text = existsSync(runsFile ?? "") ? readFileSync(runsFile ?? "", "utf8").trim() : "";
		return text === "" ? [] : text.split("\n").map((one) => JSON.parse(one) as ClaudeRefreshRun);
	};
	plays({});
	return {
		path: path ?? "",
		scratch,
		plays,
		runs,
		end() {
			for (const { pid } of runs()) if (isRunning(pid)) process.kill(pid, "SIGKILL");
		},
	};
}
