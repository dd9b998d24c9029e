/** A `batond serve` that is killed, by a story or at a step of its own, and what is told of it then. */
import { writeFileSync } from "node:fs";
import { expect } from "vitest";
import type { Child } from "../../parts/child-process.ts";
import { type Death, dying } from "./death.ts";
import type { Stage, StageOptions } from "./stage.ts";

/** Access tokens live for ten seconds and are replaced at half their life. */
export const SHORT: StageOptions = {
	accessTokenSeconds: 10,
	vps: { refresh: { before: "1h" } },
	pc: { statusEvery: "1s" },
};
export const LENIENT: StageOptions = { ...SHORT, killOldAccess: false };

export async function kill(service: Child): Promise<void> {
	service.kill("SIGKILL");
	await dead(service);
}

export async function dead(service: Child): Promise<void> {
	expect(await service.ended(20_000)).toEqual({ code: null, signal: "SIGKILL" });
}

/** The one name's facts, and what a person reads. */
export async function statusOf(
	stage: Stage,
): Promise<{ state: string; need?: string; words: string }> {
	const { stdout } = await stage.batond("status", "--json");
	const { names } = JSON.parse(stdout) as { names: { state: string; need?: string }[] };
	const { stdout: words } = await stage.batond("status");
	return { state: "none", ...names[0], words };
}

/** A service that dies at one of its own steps, once the story lets it. */
export async function doomed(stage: Stage, death: Omit<Death, "once">) {
	const once = stage.vps.scratch.at("now");
	const service = await stage.serve(dying({ ...death, once }));
	const watcher = await stage.watch();
	return { service, watcher, letDie: () => writeFileSync(once, "") };
}
