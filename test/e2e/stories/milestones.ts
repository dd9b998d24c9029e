/** What a story waits for, and what has come by then. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Stage } from "./stage.ts";
import { until } from "./until.ts";

/** What the audit log tells, by kind. */
export function whats(stage: Pick<Stage, "audit">): string[] {
	return stage.audit().map(({ what }) => what);
}

/** The host has told this, so many times. */
export async function told(stage: Pick<Stage, "audit">, what: string, times = 1): Promise<void> {
	const heard = () => whats(stage).filter((one) => one === what).length;
	await until(`the host tells ${what}`, () => heard() >= times);
}

/** So many logins were claimed, and the PC has nothing of them left. */
export async function settled(stage: Stage, claims = 1): Promise<void> {
	await told(stage, "claimed", claims);
	await done(stage);
}

/** The PC has nothing under way. */
export async function done(stage: Stage): Promise<void> {
	const isOver = () => stage.steps().length === 0 && stage.pc.escrows().length === 0;
	await until("the PC is done", isOver, Boolean, 40_000);
}

/** The sink has a token that the provider takes, and another than before. */
export async function published(
	{ vps, provider }: Pick<Stage, "vps" | "provider">,
	before?: string,
): Promise<void> {
	const file = join(vps.claudeFolder, ".credentials.json");
	await until("the sink has a living token", async () => {
		if (!existsSync(file)) return false;
		const { accessToken } = vps.sinkFile();
		return accessToken !== before && (await provider.liveAccess(accessToken)) !== undefined;
	});
}

/** The PC's hand-over has come to this step, durably. */
export async function reached(stage: Stage, step: string): Promise<void> {
	await until(`it is ${step}`, () => stage.steps()[0] === step);
}

/** What became of each refresh token that was presented, in order. */
export async function outcomes({ provider }: Stage): Promise<string[]> {
	return (await provider.presentations()).map(({ outcome }) => outcome);
}

/** What `baton status` tells a person, its lines in one. */
export async function statusWords({ baton }: Stage): Promise<string> {
	const { stdout } = await baton("status");
	return stdout.replace(/\s+/g, " ");
}
