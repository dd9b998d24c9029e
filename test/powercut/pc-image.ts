/** What the PC's own readers make of its disk after a power cut. */
import { join } from "node:path";
import type { HandoverStep, PcRecord } from "@baton/core/handover-state";
import { systemClock } from "@baton/io/clock";
import { keyFile } from "@baton/io/key-source";
import { readState } from "@baton/io/state-file";
import { openEscrow } from "../../packages/pc/src/escrow.ts";
import { PC_RECORD_FORMAT } from "../../packages/pc/src/pc-record.ts";
import { CREDENTIALS_FILE, fileSource } from "../../packages/pc/src/sources/file-source.ts";
import { HOST } from "../e2e/stories/stage.ts";
import type { Image } from "./image.ts";
import type { LaidOut } from "./laid-out.ts";

export interface PcFacts {
	/** Fingerprints of the refresh tokens in escrow, and in claude's own files. */
	readonly escrow: readonly string[];
	readonly stores: readonly string[];
	/** By fingerprint: where its hand-over stands. */
	readonly steps: Readonly<Record<string, HandoverStep>>;
	/** Hand-overs of which it was noted that they were about to be put back. */
	readonly putBackBegun: readonly string[];
	/** What a reader refused. */
	readonly unreadable: readonly string[];
}

/** claude's own files, by their path below the PC's folder. */
const STORES = ["claude", join("state", "logins", HOST)];
export const STORE_FILES = STORES.map((folder) => join(folder, CREDENTIALS_FILE));

const RECORD = join("state", "pc.json");
const ESCROW = join("state", "escrow");
const KEY = join("config", "escrow.key");

/** Which files there are to lose. @param path below the PC's folder */
export function isPcState(path: string): boolean {
	return [...STORE_FILES, RECORD, KEY].includes(path) || path.startsWith(`${ESCROW}/`);
}

export async function readPc(image: Image, root: string, laid: LaidOut): Promise<PcFacts> {
	const at = (path: string) => join(root, path);
	const isEscrow = (path: string) => path.startsWith(`${at(ESCROW)}/`) || path === at(KEY);
	const unreadable: string[] = [];
	const orNote = async <T>(what: string, reading: Promise<T>, none: T): Promise<T> => {
		try {
			return await reading;
		} catch {
			unreadable.push(what);
			return none;
		}
	};
	const record = laid.read(image, root, (path) => path === at(RECORD), loadRecord);
	const { handovers } = (await orNote(RECORD, record, undefined)) ?? { handovers: [] };
	const escrow = await orNote(ESCROW, laid.read(image, root, isEscrow, loadEscrow), []);
	const stores: string[] = [];
	for (const file of STORE_FILES) {
		const reading = laid.read(image, root, (path) => path === at(file), loadStores);
		stores.push(...(await orNote(file, reading, [])));
	}
	return {
		escrow,
		stores,
		steps: Object.fromEntries(handovers.map(({ fp, step }) => [fp, step])),
		putBackBegun: handovers.filter(({ putBackBegun }) => putBackBegun).map(({ fp }) => fp),
		unreadable,
	};
}

async function loadRecord(place: string): Promise<PcRecord | undefined> {
	return await readState(join(place, RECORD), PC_RECORD_FORMAT);
}

/** Each session is read too: a list alone would not show that its token can be had. */
async function loadEscrow(place: string): Promise<string[]> {
	const escrow = openEscrow(join(place, ESCROW), keyFile(join(place, KEY)));
	const listed = await escrow.list();
	for (const { fp } of listed) await escrow.read(fp);
	return listed.map(({ fp }) => fp).sort();
}

async function loadStores(place: string): Promise<string[]> {
	const found: string[] = [];
	for (const folder of STORES) {
		const configDir = join(place, folder);
		const source = fileSource({ configDir, disarmBy: "blank-token", clock: systemClock });
		const reading = await source.read();
		if (reading.kind === "unreadable") throw new Error(reading.why);
		if (reading.kind === "login") found.push(reading.fp);
	}
	return found;
}
