/**
 * Owns the state for a while: `baton watch` until it is told to stop, `baton handover` and `take-back`
 * for as long as they take when nobody watches.
 *
 * Refuses before anything is touched when another process owns it, or when the record or the escrow
 * cannot be read whole.
 */

import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { BatonError } from "@baton/core/error";
import {
	dedicatedStore,
	dedicatedTo,
	EMPTY_PC_RECORD,
	NORMAL_STORE,
	type PcRecord,
	type PcRules,
	type StoreId,
} from "@baton/core/handover-state";
import { removeLeftovers, removeLeftoversIn } from "@baton/io/atomic-file";
import type { Clock } from "@baton/io/clock";
import { keyFile } from "@baton/io/key-source";
import type { Log } from "@baton/io/log";
import { makePrivateFolder } from "@baton/io/private-folder";
import { claimSingleInstance } from "@baton/io/single-instance";
import { readState, writeState } from "@baton/io/state-file";
import { controlAddress } from "./control/address.ts";
import { answerControl } from "./control/answer.ts";
import { serveControl } from "./control/server.ts";
import { type Escrow, openEscrow } from "./escrow.ts";
import type { HostLink } from "./link/host-link.ts";
import { SshLink } from "./link/ssh-link.ts";
import type { LoadedSettings } from "./load-settings.ts";
import { logNote } from "./notify.ts";
import { PC_RECORD_FORMAT } from "./pc-record.ts";
import { HandoverRunner } from "./run-handover.ts";
import { pcRules } from "./settings.ts";
import { CREDENTIALS_FILE, fileSource } from "./sources/file-source.ts";
import type { Source } from "./sources/source.ts";
import { configDirOf, type StatePlaces } from "./state-folder.ts";
import { watchStore } from "./watch.ts";

export interface OwnStateOptions {
	readonly settings: LoadedSettings;
	/** The settings file; the key of the escrow lies beside it, apart from the state. */
	readonly configFile: string;
	readonly places: StatePlaces;
	readonly clock: Clock;
	readonly log: Log;
}

export interface OwnedState {
	readonly runner: HandoverRunner;
	/** Where a store lies, for people. */
	place(store: StoreId): string;
}

/**
 * Runs the machine for as long as `use` takes.
 *
 * @throws BatonError `already-running`, `bad-state`, `unsafe-path`, `disk-failed`; what `use` throws
 */
export async function ownState<T>(
	options: OwnStateOptions,
	use: (owned: OwnedState) => Promise<T>,
): Promise<T> {
	const { places } = options;
	await makePrivateFolder(places.folder);
	const instance = await claimSingleInstance(places.folder);
	try {
		return await runWhile(options, await load(options), use);
	} finally {
		await instance.release();
	}
}

interface Loaded {
	readonly record: PcRecord;
	readonly escrow: Escrow;
	readonly runner: HandoverRunner;
	readonly sources: (store: StoreId) => Source;
	/** Why the record cannot be written, if it cannot. */
	readonly trouble: () => string | undefined;
}

async function load(options: OwnStateOptions): Promise<Loaded> {
	const { places, configFile, settings, clock, log } = options;
	const record = (await readState(places.record, PC_RECORD_FORMAT)) ?? EMPTY_PC_RECORD;
	const keyPath = join(dirname(configFile), "escrow.key");
	const key = keyFile(keyPath);
	const escrow = openEscrow(places.escrow, key);
	const escrows = await escrow.list();
	await removeLeftoversIn(places.folder);
	await removeLeftovers(keyPath);
	// Now rather than in the middle of a take, where a key that cannot be made would hold it up.
	await key.key(escrows.length === 0);
	const rules = pcRules(settings);
	const sources = sourcesOf(options);
	let trouble: BatonError | undefined;
	const runner = new HandoverRunner(
		{ record, escrows, rules, runId: randomBytes(6).toString("hex") },
		{
			clock,
			escrow,
			persist: (next) => writeState(places.record, PC_RECORD_FORMAT, next),
			source: sources,
			link: linksOf(options),
			onNote: (note, state) => logNote(log, note, state),
			onUnreadable: (store, why, hint) =>
				log.warn("a login cannot be read, and is left alone", {
					path: sources(store).place,
					reason: why,
					hint,
				}),
			onTrouble(error) {
				trouble = error;
				if (error === undefined) log.info("the state can be written again");
				else log.failure("the state cannot be written, nothing goes on", error);
			},
		},
	);
	return { record, escrow, runner, sources, trouble: () => trouble?.message };
}

async function runWhile<T>(
	options: OwnStateOptions,
	{ runner, sources, trouble, record }: Loaded,
	use: (owned: OwnedState) => Promise<T>,
): Promise<T> {
	const { clock, settings, places } = options;
	const stop = new AbortController();
	const place = (store: StoreId) => sources(store).place;
	const control = await serveControl(
		controlAddress(places.folder),
		clock,
		answerControl({ runner, clock, place, trouble }),
	);
	const stores = storesToWatch(pcRules(settings), record);
	const machine = runner.run(stop.signal);
	const watches = stores.map(async (store) => {
		const folder = configDirOf(store, places, settings.claudeDir);
		if (dedicatedTo(store) !== undefined) await makePrivateFolder(folder);
		const { reconcileEvery } = settings;
		const look = () => runner.look(store);
		await watchStore({ folder, file: CREDENTIALS_FILE, clock, reconcileEvery, look }, stop.signal);
	});
	// None of these ends before it is told to, except by failing.
	const failed = Promise.all([machine, ...watches]).then(endedEarly);
	try {
		return await Promise.race([use({ runner, place }), failed]);
	} finally {
		stop.abort();
		await control.close();
		await Promise.allSettled([machine, ...watches]);
	}
}

function endedEarly(): never {
	throw new BatonError("internal", "the machine ended before it was told to");
}

/**
 * Also the folder of a host that follows this PC's logins, once a login was made in it all the same, and
 * that of a host no longer in the settings, if something of it is under way.
 */
function storesToWatch(rules: PcRules, record: PcRecord): StoreId[] {
	const stores = Object.entries(rules.hosts)
		.map(([host, { mode }]) => ({ mode, store: dedicatedStore(host) }))
		.filter(({ mode, store }) => mode === "dedicated" || record.stores[store] !== undefined);
	return [
		...new Set([
			NORMAL_STORE,
			...stores.map(({ store }) => store),
			...record.handovers.map(({ store }) => store),
		]),
	];
}

function sourcesOf({ settings, places, clock }: OwnStateOptions): (store: StoreId) => Source {
	const made = new Map<StoreId, Source>();
	return (store) => {
		const configDir = configDirOf(store, places, settings.claudeDir);
		const disarmBy = dedicatedTo(store) === undefined ? "blank-token" : "remove-entry";
		const source = made.get(store) ?? fileSource({ configDir, disarmBy, clock });
		made.set(store, source);
		return source;
	};
}

function linksOf({ settings, clock }: OwnStateOptions): (host: string) => HostLink {
	const made = new Map<string, HostLink>();
	return (host) => {
		const found = made.get(host);
		if (found !== undefined) return found;
		const address = settings.hosts[host];
		if (address === undefined) throw new BatonError("internal", `no settings for host ${host}`);
		const link = new SshLink(address, settings.link, clock);
		made.set(host, link);
		return link;
	};
}
