/** What the VPS's own readers make of its disk after a power cut. */
import { join } from "node:path";
import { CREDENTIALS_MAX_BYTES, readCredentials } from "@baton/core/credentials-file";
import type { CustodyRecord, Lineage, Past } from "@baton/core/custody-state";
import { fingerprint } from "@baton/core/lineage";
import { keyFile } from "@baton/io/key-source";
import { readSmall } from "@baton/io/read-small";
import { openSecretStore } from "@baton/io/secret-store";
import { custodyStore } from "../../packages/vps/src/custody-store.ts";
import { openSinkMemory } from "../../packages/vps/src/sinks/sink-memory.ts";
import type { Image } from "./image.ts";
import type { LaidOut } from "./laid-out.ts";

/** A login in custody, without its secrets. */
export interface HeldLogin {
	readonly role: "current" | "staged";
	readonly fp: string;
	readonly accessFp: string;
	readonly phase: string;
}

export interface VpsFacts {
	readonly logins: readonly HeldLogin[];
	/** By fingerprint: what became of it. */
	readonly past: Readonly<Record<string, Past["was"]>>;
	/** What a reader refused, or found where it may not be. */
	readonly unreadable: readonly string[];
}

export const SINK_FILE = join("claude", ".credentials.json");
const SECRETS = join("state", "secrets");
const KEY = join("config", "batond.key");
const MEMORY = join("state", "sinks.json");

/** Which files there are to lose. @param path below the VPS's folder */
export function isVpsState(path: string): boolean {
	return [SINK_FILE, KEY, MEMORY].includes(path) || path.startsWith(`${SECRETS}/`);
}

export async function readVps(image: Image, root: string, laid: LaidOut): Promise<VpsFacts> {
	const at = (path: string) => join(root, path);
	const isSecret = (path: string) => path.startsWith(`${at(SECRETS)}/`) || path === at(KEY);
	const unreadable: string[] = [];
	const orNote = async <T>(what: string, reading: Promise<T>): Promise<T | undefined> => {
		try {
			return await reading;
		} catch {
			unreadable.push(what);
			return undefined;
		}
	};
	const record = await orNote(SECRETS, laid.read(image, root, isSecret, loadCustody));
	await orNote(
		MEMORY,
		laid.read(image, root, (path) => path === at(MEMORY), loadMemory),
	);
	await orNote(
		SINK_FILE,
		laid.read(image, root, (path) => path === at(SINK_FILE), loadSink),
	);
	const past = Object.entries(record?.past ?? {}).map(([fp, { was }]) => [fp, was] as const);
	return { logins: loginsOf(record), past: Object.fromEntries(past), unreadable };
}

function loginsOf(record: CustodyRecord | undefined): HeldLogin[] {
	const held = (["current", "staged"] as const).map((role) => [role, record?.[role]] as const);
	return held.flatMap(([role, lineage]) => (lineage === undefined ? [] : heldLogin(role, lineage)));
}

function heldLogin(role: HeldLogin["role"], { fp, session, phase }: Lineage): HeldLogin {
	const armed = session.refreshToken !== undefined && fingerprint(session.refreshToken) === fp;
	if (!armed) throw new Error("a login in custody without its refresh token");
	return { role, fp, accessFp: fingerprint(session.accessToken), phase: phase.name };
}

async function loadCustody(place: string): Promise<CustodyRecord | undefined> {
	const secrets = openSecretStore({
		folder: join(place, SECRETS),
		key: keyFile(join(place, KEY)),
	});
	return await custodyStore(secrets).load("default");
}

async function loadMemory(place: string): Promise<void> {
	await openSinkMemory(join(place, MEMORY));
}

/** A consumer reads it: never a torn one, never a refresh token. */
async function loadSink(place: string): Promise<void> {
	const bytes = await readSmall(join(place, SINK_FILE), { maxBytes: CREDENTIALS_MAX_BYTES });
	const { kind } = readCredentials(bytes?.toString("utf8"));
	if (kind !== "blank") throw new Error(`the sink's file is ${kind}`);
}
