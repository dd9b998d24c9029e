/** Where a refresh token lies, in clear or in an encrypted store: there may be one place only. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { keyFile } from "@baton/io/key-source";
import { openSecretStore } from "@baton/io/secret-store";
import { openEscrow } from "../../../packages/pc/src/escrow.ts";
import { custodyStore } from "../../../packages/vps/src/custody-store.ts";
import type { Credentials } from "../../parts/fake-claude.ts";
import type { ClaudeAiOauth } from "../../parts/oauth-control.ts";
import { fingerprintOf, lineageOf } from "../../parts/token-ledger.ts";
import type { BatonPc } from "../baton-pc.ts";
import type { BatondHost } from "../batond-host.ts";
import { HOST, type Stage } from "./stage.ts";

export type Place =
	| "pc store"
	| "pc dedicated folder"
	| "pc escrow"
	| "other pc store"
	| "other pc dedicated folder"
	| "other pc escrow"
	| `pc folder of ${string}`
	| "vps current"
	| `vps current of ${string}`
	| "vps staged"
	| "vps sink"
	| "other vps current"
	| "other vps staged"
	| "other vps sink";

/** The fingerprint of the newest refresh token that descends from a login. */
export async function newestOf(stage: Stage, login: ClaudeAiOauth): Promise<string> {
	const presentations = await stage.provider.presentations(lineageOf(login.refreshToken));
	const rotated = presentations.filter(({ outcome }) => outcome === "rotated");
	return rotated.at(-1)?.replacedBy ?? fingerprintOf(login.refreshToken);
}

/** Every place where this refresh token lies, with the token. */
export async function placesOf(stage: Stage, fp: string): Promise<Map<Place, string>> {
	const pcs = [stage.pc, ...stage.otherPcs.map(({ pc }) => pc)];
	const onPcs = await Promise.all(
		pcs.map((pc) => placesOn(pc, fp, pc === stage.pc ? "" : "other ")),
	);
	const hosts = [stage.vps, ...stage.otherVpses.map(({ vps }) => vps)];
	const onHosts = await Promise.all(
		hosts.map((vps) => placesAt(vps, vps === stage.vps ? "" : "other ")),
	);
	const all = [...onPcs.flat(), ...otherFolders(stage), ...onHosts.flat()];
	const found = all.filter(([, token]) => token && fingerprintOf(token) === fp);
	return new Map(found as [Place, string][]);
}

type Found = readonly [Place, string | undefined];

async function placesOn(pc: BatonPc, fp: string, which: "" | "other "): Promise<Found[]> {
	return [
		[`${which}pc store`, tokenIn(pc.claude.credentialsPath)],
		[`${which}pc dedicated folder`, tokenIn(pc.scratch.at("state", "logins", HOST, CREDENTIALS))],
		[`${which}pc escrow`, await tokenInEscrow(pc, fp)],
	];
}

/** The folders here of the hosts that a story added. */
function otherFolders({ pc, otherVpses }: Stage): Found[] {
	return otherVpses.map(({ host }) => [
		`pc folder of ${host}`,
		tokenIn(pc.scratch.at("state", "logins", host, CREDENTIALS)),
	]);
}

const CREDENTIALS = ".credentials.json";

function tokenIn(file: string): string | undefined {
	if (!existsSync(file)) return undefined;
	const { claudeAiOauth } = JSON.parse(readFileSync(file, "utf8")) as Credentials;
	return claudeAiOauth?.refreshToken;
}

async function tokenInEscrow(pc: BatonPc, fp: string): Promise<string | undefined> {
	if (!pc.escrows().includes(`${fp}.secret`)) return undefined;
	const key = keyFile(join(dirname(pc.configFile), "escrow.key"));
	const session = await openEscrow(join(pc.stateFolder, "escrow"), key).read(fp);
	return session.refreshToken.reveal();
}

/** The custodies that a service has kept. */
function namesIn(folder: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder).flatMap((file) => /^custody-(.+)\.secret$/.exec(file)?.[1] ?? []);
}

async function placesAt(vps: BatondHost, which: "" | "other "): Promise<Found[]> {
	const key = keyFile(join(vps.configFolder, "batond.key"));
	const folder = join(vps.stateFolder, "secrets");
	const store = custodyStore(openSecretStore({ folder, key }));
	const record = await store.load("default");
	const others = namesIn(folder).filter((name) => name !== "default");
	const records = await Promise.all(others.map((name) => store.load(name)));
	const current = records.map(
		(one) =>
			[
				`vps current of ${one?.name}`,
				one?.current?.session.refreshToken?.reveal(),
			] as const satisfies Found,
	);
	return [
		...current,
		[`${which}vps current`, record?.current?.session.refreshToken?.reveal()],
		[`${which}vps staged`, record?.staged?.session.refreshToken?.reveal()],
		[`${which}vps sink`, tokenIn(join(vps.claudeFolder, CREDENTIALS))],
	];
}
