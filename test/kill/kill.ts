/** One kill of the built service, and what became of the login after a restart. */
import { readdirSync, readFileSync } from "node:fs";
import type { OAuthServer } from "../parts/oauth-control.ts";
import { makeScratch } from "../parts/scratch.ts";
import { lineageOf } from "../parts/token-ledger.ts";
import { armed, judgeKill, type KillVerdict } from "./judge-kill.ts";
import { type KillPoint, killPoints } from "./kill-point.ts";
import { Scene, type SceneKind } from "./scene.ts";
import { strikeAt, watchCalls } from "./strike.ts";

/** Every point at which the service may be killed in this scene, found by living through it once. */
export async function findKillPoints(kind: SceneKind, provider: OAuthServer): Promise<KillPoint[]> {
	const traces = makeScratch();
	const scene = new Scene(kind, provider, await provider.mintLogin());
	try {
		const service = await scene.serve();
		const threads = await watchCalls(service.pid, traces.at("calls"));
		await scene.seeThrough();
		await service.stop();
		return killPoints(threads.map((id) => readFileSync(traces.at(`calls.${id}`), "latin1")));
	} finally {
		scene.end();
		traces.remove();
	}
}

/**
 * @returns undefined if the service did not come to this point: what several threads do is never quite the
 *   same twice
 * @throws Error if the service ends in any other way, or the login comes to no end
 */
export async function killAt(
	point: KillPoint,
	kind: SceneKind,
	provider: OAuthServer,
): Promise<KillVerdict | undefined> {
	const login = await provider.mintLogin();
	const scene = new Scene(kind, provider, login);
	try {
		const service = await scene.serve();
		await strikeAt(service.pid, point);
		const isThrough = await scene.seeThrough().then(
			() => true,
			() => false,
		);
		if (isThrough && service.exit() === undefined) {
			await service.stop();
			return undefined;
		}
		const { signal } = await service.ended();
		if (signal !== "SIGKILL") throw new Error(`it ended by itself: ${service.stderr()}`);
		const left = armed(await scene.record());
		scene.letLocksAge();

		const again = await scene.serve();
		await scene.seeThrough();
		const status = await scene.host.status();
		again.kill("SIGTERM");
		const { code } = await again.ended();
		if (code !== 0) throw new Error(`it ended with ${code}: ${again.stderr()}`);
		const record = await scene.record();
		const { accessToken, refreshToken } = record?.current?.session ?? {};
		const isServed = (await provider.liveAccess(accessToken?.reveal() ?? "")) !== undefined;
		return judgeKill({
			presentations: await provider.presentations(lineageOf(login.refreshToken)),
			madeAt: login.expiresAt - kind.tokenSeconds * 1000,
			tokenMs: kind.tokenSeconds * 1000,
			left,
			hearsAlone: kind.engine === "http",
			record,
			status,
			isLive: isServed && (await provider.liveRefresh(refreshToken?.reveal() ?? "")),
			published: scene.published(),
			leftovers: leftovers(scene),
		});
	} finally {
		scene.end();
	}
}

const LEFT_BEHIND = /\.tmp|\.gone$|\.lock|^state\/engine\/.*\//;

function leftovers({ host }: Scene): string[] {
	const names = readdirSync(host.scratch.path, { recursive: true }) as string[];
	return names.filter((name) => LEFT_BEHIND.test(name));
}
