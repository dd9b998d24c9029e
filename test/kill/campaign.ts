/** Kills at many points, several at a time, and what they add up to. */
import type { OAuthServer } from "../parts/oauth-control.ts";
import { startOAuthServer } from "../parts/oauth-server.ts";
import type { KillVerdict } from "./judge-kill.ts";
import { findKillPoints, killAt } from "./kill.ts";
import { type KillPoint, pointName } from "./kill-point.ts";
import { SCENES, type SceneKind } from "./scene.ts";

export interface KillTally {
	/** Kills. */
	points: number;
	lost: number;
	lostInFlight: number;
	spentTwice: number;
	unnamed: number;
	/** Points that were not come to again. */
	missed: number;
	/** Whatever is none of this, in words; among it every loss. */
	faults: string[];
}

export interface KillOptions {
	/** How many points of all; evenly spread. */
	sample?: number | undefined;
	/** How many services are killed at a time: most of it is waiting. */
	atOnce: number;
	onScene?(name: string, points: number): void;
	onKill?(tally: KillTally): void;
}

interface Case {
	readonly kind: SceneKind;
	readonly provider: OAuthServer;
	readonly point: KillPoint;
}

/** Nothing stays behind, also if it fails. */
export async function killEverywhere(options: KillOptions): Promise<KillTally> {
	const { sample, atOnce, onScene, onKill } = options;
	const providers: OAuthServer[] = [];
	const cases: Case[] = [];
	const tally: KillTally = {
		...{ points: 0, lost: 0, lostInFlight: 0, spentTwice: 0, unnamed: 0, missed: 0 },
		faults: [],
	};
	try {
		for (const kind of SCENES) {
			const { tokenSeconds: accessTokenSeconds, killsOldAccess: killOldAccess } = kind;
			const provider = await startOAuthServer({ accessTokenSeconds, killOldAccess });
			providers.push(provider);
			const points = await findKillPoints(kind, provider);
			onScene?.(kind.name, points.length);
			cases.push(...points.map((point) => ({ kind, provider, point })));
		}
		const left = evenly(cases, sample ?? cases.length);
		const work = async () => {
			for (let next = left.shift(); next !== undefined; next = left.shift()) {
				add(tally, next, await attempt(next));
				onKill?.(tally);
			}
		};
		await Promise.all(Array.from({ length: atOnce }, work));
		return tally;
	} finally {
		await Promise.all(providers.map((provider) => provider.close()));
	}
}

function evenly<T>(all: readonly T[], count: number): T[] {
	const step = Math.max(1, all.length / count);
	return all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

async function attempt({ point, kind, provider }: Case): Promise<KillVerdict | string | undefined> {
	try {
		return await killAt(point, kind, provider);
	} catch (error) {
		return error instanceof Error ? error.message : "it threw";
	}
}

function add(
	tally: KillTally,
	{ kind, point }: Case,
	outcome: KillVerdict | string | undefined,
): void {
	if (outcome === undefined) {
		tally.missed += 1;
		return;
	}
	tally.points += 1;
	const at = `${kind.name}, ${pointName(point)}`;
	if (typeof outcome === "string") {
		tally.faults.push(`${at}: ${outcome}`);
		return;
	}
	const { fate, spentTwice, unnamed, leftovers } = outcome;
	tally.lost += Number(fate === "lost");
	tally.lostInFlight += Number(fate === "lost-in-flight");
	tally.spentTwice += spentTwice;
	tally.unnamed += Number(unnamed);
	if (fate === "lost") tally.faults.push(`${at}: the login is lost`);
	if (spentTwice > 0) tally.faults.push(`${at}: a refresh token was spent twice`);
	if (unnamed) tally.faults.push(`${at}: it does not say that the login is lost`);
	if (leftovers.length > 0) tally.faults.push(`${at}: it leaves ${leftovers.join(", ")}`);
}
