/** A program `claude` that a test can put in the place of the official one: only `claude auth login`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ClaudeAiOauth } from "./oauth-control.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

/** What happens at the next `claude auth login`. */
export interface Scene {
	/** The login that the browser yields; none unless given. */
	login?: ClaudeAiOauth;
	/** It waits for the person: before the login is written, or after. A signal ends the wait. */
	waits?: "before" | "after";
	/** What a kill in the middle of a write leaves. */
	leavesHalf?: boolean;
	/** Exit code; 0 unless given. */
	code?: number;
}

export interface ClaudeRan {
	args: string[];
	/** Names and values of its environment. */
	env: Record<string, string>;
	/** Its standard input is a terminal. */
	onTerminal: boolean;
}

export interface ClaudeProgram {
	/** For `--claude`. */
	readonly path: string;
	/** For the PATH. */
	readonly folder: string;
	plays(scene: Scene): void;
	/** Each time it was run, in order. */
	runs(): ClaudeRan[];
	readonly scratch: Scratch;
}

const MAIN = fileURLToPath(new URL("./claude-program-main.ts", import.meta.url));

export function makeClaudeProgram(): ClaudeProgram {
	const scratch = makeScratch();
	const [folder, scene, runs] = [scratch.at("bin"), scratch.at("scene.json"), scratch.at("runs")];
	mkdirSync(folder);
	const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
	const words = [process.execPath, "--import", loader, MAIN, scene, runs];
	const line = words.map((word) => `'${word}'`).join(" ");
	const path = scratch.at("bin", "claude");
	writeFileSync(path, `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
	const plays = (next: Scene) => writeFileSync(scene, JSON.stringify(next));
	plays({});
	return {
		path,
		folder,
		scratch,
		plays,
		runs() {
			const lines = existsSync(runs) ? readFileSync(runs, "utf8").trim().split("\n") : [];
			return lines.map((one) => JSON.parse(one) as ClaudeRan);
		},
	};
}
