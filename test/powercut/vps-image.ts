/** What the VPS's own readers make of its disk after a power cut. */
import { lstatSync } from "node:fs";
import { join, relative } from "node:path";
import { CREDENTIALS_MAX_BYTES, readCredentials } from "@baton/core/credentials-file";
import type { CustodyRecord, Imported, Lineage, Past } from "@baton/core/custody-state";
import type { DisarmOutcome } from "@baton/core/import-login";
import { fingerprint } from "@baton/core/lineage";
import { systemClock } from "@baton/io/clock";
import { keyFile } from "@baton/io/key-source";
import { readSmall } from "@baton/io/read-small";
import { openSecretStore } from "@baton/io/secret-store";
import { custodyStore } from "../../packages/vps/src/custody-store.ts";
import { disarmSource } from "../../packages/vps/src/import-source.ts";
import { openSinkMemory } from "../../packages/vps/src/sinks/sink-memory.ts";
import type { Image } from "./image.ts";
import { type KeptFile, keptSink } from "./kept-files.ts";
import type { LaidOut } from "./laid-out.ts";

/** A login in custody, without its secrets. */
export interface HeldLogin {
	readonly role: "current" | "staged";
	readonly fp: string;
	readonly accessFp: string;
	readonly phase: string;
	/** Whether the file it was imported from is known to be disarmed; undefined if there is none. */
	readonly source: Imported["state"] | undefined;
	/** What the service would find there if it went on now, where that is not known. */
	readonly found: DisarmOutcome["kind"] | undefined;
}

export interface VpsFacts {
	readonly logins: readonly HeldLogin[];
	/** By fingerprint: what became of it. */
	readonly past: Readonly<Record<string, Past["was"]>>;
	/** Fingerprints of the refresh tokens in files that are taken over. */
	readonly armed: readonly string[];
	/** What a reader refused, or found where it may not be. */
	readonly unreadable: readonly string[];
}

/** What there is on the VPS beside the service's own files, by paths below its folder. */
export interface VpsScene {
	/** Files whose login is taken over. */
	readonly sources: readonly string[];
	readonly kept: readonly KeptFile[];
}

export const SINK_FILE = join("claude", ".credentials.json");
const SECRETS = join("state", "secrets");
const KEY = join("config", "batond.key");
export const MEMORY = join("state", "sinks.json");

export function vpsReader({ sources, kept }: VpsScene) {
	const files = [SINK_FILE, KEY, MEMORY, ...sources, ...kept.map(({ path }) => path)];
	const isOne = (file: string) => (path: string) => path === file;
	const isSecret = (path: string) => path.startsWith(`${SECRETS}/`) || path === KEY;
	return {
		/** Which files there are to lose. @param path below the VPS's folder */
		isState: (path: string) => files.includes(path) || path.startsWith(`${SECRETS}/`),
		/** claude's files, and copies of them. */
		stores: [...new Set([SINK_FILE, ...sources])],
		/** What others may do with the files that are theirs. */
		modes: new Map(kept.map(({ path, mode }) => [path, mode])),
		async read(image: Image, root: string, laid: LaidOut): Promise<VpsFacts> {
			const unreadable: string[] = [];
			const load = async <T>(
				what: string,
				of: (path: string) => boolean,
				loader: (place: string) => Promise<T>,
			): Promise<T | undefined> => {
				try {
					return await laid.read(image, root, (path) => of(relative(root, path)), loader);
				} catch {
					unreadable.push(what);
					return undefined;
				}
			};
			const isCustody = (path: string) => isSecret(path) || sources.includes(path);
			const custody = await load(SECRETS, isCustody, function custody(place) {
				return loadCustody(place, root);
			});
			await load(MEMORY, isOne(MEMORY), loadMemory);
			const armed: (string | undefined)[] = [];
			for (const file of new Set([SINK_FILE, ...sources])) {
				const reading = load(file, isOne(file), function login(place) {
					return loadLogin(join(place, file));
				});
				armed.push(await reading);
			}
			if (!sources.includes(SINK_FILE) && armed[0] !== undefined) unreadable.push(SINK_FILE);
			const isKept = (path: string) => path === MEMORY || kept.some((one) => one.path === path);
			const notKept = await load("kept files", isKept, function keptFiles(place) {
				return loadKept(place, root, kept);
			});
			return {
				logins: custody?.logins ?? [],
				past: custody?.past ?? {},
				armed: armed.filter((fp) => fp !== undefined),
				unreadable: [...unreadable, ...(notKept ?? [])],
			};
		},
	};
}

async function loadCustody(
	place: string,
	root: string,
): Promise<Pick<VpsFacts, "logins" | "past">> {
	const secrets = openSecretStore({
		folder: join(place, SECRETS),
		key: keyFile(join(place, KEY)),
	});
	const record = await custodyStore(secrets).load("default");
	const past = Object.entries(record?.past ?? {}).map(([fp, { was }]) => [fp, was] as const);
	return { logins: await loginsOf(record, place, root), past: Object.fromEntries(past) };
}

async function loginsOf(
	record: CustodyRecord | undefined,
	place: string,
	root: string,
): Promise<HeldLogin[]> {
	const logins: HeldLogin[] = [];
	for (const role of ["current", "staged"] as const) {
		const lineage = record?.[role];
		if (lineage !== undefined) logins.push(await heldLogin(role, lineage, place, root));
	}
	return logins;
}

async function heldLogin(
	role: HeldLogin["role"],
	{ fp, session, phase, imported }: Lineage,
	place: string,
	root: string,
): Promise<HeldLogin> {
	const armed = session.refreshToken !== undefined && fingerprint(session.refreshToken) === fp;
	if (!armed) throw new Error("a login in custody without its refresh token");
	const access = fingerprint(session.accessToken);
	const { path, state: source } = imported ?? {};
	const isKnown = path === undefined || source === "disarmed";
	const held = { role, fp, accessFp: access, phase: phase.name, source };
	if (isKnown) return { ...held, found: undefined };
	const left = join(place, relative(root, path));
	const { kind } = await disarmSource(left, { fp, access }, systemClock);
	return { ...held, found: kind };
}

async function loadMemory(place: string): Promise<void> {
	await openSinkMemory(join(place, MEMORY));
}

/** The refresh token that claude, or whoever reads a copy, would find to spend. */
async function loadLogin(path: string): Promise<string | undefined> {
	const bytes = await readSmall(path, { maxBytes: CREDENTIALS_MAX_BYTES });
	const reading = readCredentials(bytes?.toString("utf8"));
	if (reading.kind === "unreadable") throw new Error(reading.why);
	return reading.kind === "login" ? reading.fp : undefined;
}

/** Each as its sink finds it at the next start: one that looks like somebody else's is written no more. */
async function loadKept(place: string, root: string, kept: readonly KeptFile[]): Promise<string[]> {
	const memory = await openSinkMemory(join(place, MEMORY));
	const asRecorded = {
		...memory,
		hasWritten: (written: string) => memory.hasWritten(root + written.slice(place.length)),
	};
	const faults: string[] = [];
	for (const one of kept) {
		const file = join(place, one.path);
		const look = await keptSink(one, file, asRecorded).look?.(undefined);
		if (look !== "fine") faults.push(`${one.path}, ${look}`);
		const { mode = one.mode } = lstatSync(file, { throwIfNoEntry: false }) ?? {};
		if ((mode & 0o777) !== one.mode) faults.push(`${one.path}, of another mode`);
	}
	return faults;
}
