/**
 * `batond serve`: one custodian for each name, the two sockets they are spoken to by, and an orderly
 * end. Exactly one runs for a state folder.
 */

import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { type CustodyRecord, emptyRecord } from "@baton/core/custody-state";
import { SECOND } from "@baton/core/duration";
import { BatonError } from "@baton/core/error";
import { removeLeftovers, removeLeftoversIn } from "@baton/io/atomic-file";
import type { Clock } from "@baton/io/clock";
import { type KeyPlaces, type OpenedKey, openKey } from "@baton/io/key-source";
import type { Log } from "@baton/io/log";
import { openSecretStore } from "@baton/io/secret-store";
import { VERSION } from "@baton/io/version";
import { type AuditLog, openAudit } from "./audit.ts";
import { Custodian } from "./custodian.ts";
import { type CustodyStore, custodyStore } from "./custody-store.ts";
import { DeviceBook } from "./device-book.ts";
import type { Route } from "./engines/route.ts";
import { keepListening } from "./keep-listening.ts";
import { LiveSettings } from "./live-settings.ts";
import { Metrics } from "./metrics.ts";
import { type MetricsServer, serveMetrics } from "./metrics-server.ts";
import { type Engines, openEngines } from "./open-engines.ts";
import { openRoute } from "./open-route.ts";
import { httpProbe } from "./probe.ts";
import { httpRevoker } from "./revoker.ts";
import { clearSocketPlaces, openSockets } from "./service-sockets.ts";
import { statusOf } from "./serving.ts";
import { providerOf, type Settings } from "./settings.ts";
import { makeSink } from "./sinks/make-sink.ts";
import { openSinkMemory } from "./sinks/sink-memory.ts";
import type { SocketServer } from "./socket-server.ts";
import { DEVICES, SECRETS, SINK_MEMORY } from "./state-folder.ts";
import type { Systemd } from "./systemd.ts";
import { mattersOf } from "./warnings/matters.ts";
import { openWarner } from "./warnings/open-warner.ts";

export interface ServiceOptions {
	readonly settings: Settings;
	readonly stateFolder: string;
	/** Reads the settings again. @throws BatonError for what is wrong with them */
	reread(): Promise<Settings>;
	/** Calls the listener whenever they are to be read again. */
	onReload(listener: () => void): void;
	/** The key to the secrets in the state folder; lies apart from it. */
	readonly keyPlaces: KeyPlaces;
	readonly environment: NodeJS.ProcessEnv;
	readonly clock: Clock;
	readonly log: Log;
	readonly systemd: Systemd;
	/** @throws BatonError `already-running` if another service has taken this one's folder */
	stillAlone(): Promise<void>;
	/** Aborted when the service is to end. */
	readonly stop: AbortSignal;
}

/** What a stop may take beyond a refresh that is under way: its outcome is to be saved and published. */
const LAST_STEPS = 20 * SECOND;
/** Conversations in progress get this long once the service stops. */
const LAST_ANSWERS = SECOND;

/**
 * Runs until it is stopped.
 *
 * @throws BatonError `bad-state` for a damaged or newer record, before anything is touched;
 * `disk-failed`, `unsafe-path`; `timed-out` if it could not end in order; `already-running` if another
 * service has taken its folder
 */
export async function runService(options: ServiceOptions): Promise<void> {
	const { stateFolder, clock, log, systemd, stop } = options;
	await clearSocketPlaces(stateFolder);
	const audit = openAudit({
		folder: stateFolder,
		onTrouble: (error) => log.warn("the audit log cannot be written", { reason: error.message }),
	});
	const devices = await DeviceBook.open(join(stateFolder, DEVICES), clock);
	const metrics = new Metrics(Object.keys(options.settings.names));
	let wake = () => {};
	const key = await openKey(options.keyPlaces);
	const route = await openRoute(options.settings.provider, options.environment);
	const engines = openEngines({
		...options,
		route,
		onLeftover: (name, reason) => log.warn("a refresh has left something", { name, reason }),
	});
	const context = { ...options, route, engines, metrics, onNews: () => wake() };
	const { custodians, live } = await openCustodians(context, audit, key);
	const matters = () =>
		[...custodians.values()].flatMap((one) => mattersOf(statusOf(one), clock.now()));
	const warner = await openWarner({ ...options, route, matters });
	wake = () => warner.wake();
	const figures = () => metrics.text([...custodians.values()].map(statusOf), clock.now());
	const runs = [...custodians.values()].map((custodian) => custodian.run());
	const ended = Promise.all(runs);
	// Looked at below, also when what comes before fails.
	ended.catch(() => {});
	const stopping = new AbortController();
	// Every open conversation listens; their number is bounded where they are accepted.
	setMaxListeners(0, stopping.signal);
	let sockets: SocketServer | undefined;
	let metricsPort: MetricsServer | undefined;
	try {
		sockets = await openSockets({
			...options,
			engine: () => engines.choice(),
			custodians,
			devices,
			warner,
			metrics: figures,
			about: () => ({ key: key.origin, settings: live.report }),
			stopping: stopping.signal,
			onNote(note) {
				audit.write(undefined, note, clock.now());
				log[note.level](note.what, { device: note.device });
			},
		});
		metricsPort = await openMetricsPort(options, figures);
		options.onReload(() => void live.reload(custodians));
		log.info("ready", { version: VERSION, count: custodians.size });
		await systemd.ready();
		const goesOn = () => [...custodians.values()].every((custodian) => custodian.goesOn);
		void systemd.feedWatchdog(stopping.signal, goesOn);
		warner
			.run(stopping.signal)
			.catch((fault) => log.failure("warnings met a fault: none go out until a restart", fault));
		const listens = keepListening({ ...options, sockets }, stopping.signal);
		await Promise.race([aborted(stop), ended, listens]);
	} finally {
		log.info("stopping");
		void systemd.stopping();
		stopping.abort(new BatonError("service-unavailable", "the service is stopping"));
		for (const custodian of custodians.values()) custodian.stop();
		await metricsPort?.close();
		await sockets?.close(LAST_ANSWERS);
		await inOrder(runs, options.settings.timing.requestLimit + LAST_STEPS, clock);
		await devices.close();
		await audit.flushed();
	}
	await ended;
}

/** Without it everything else goes on: a port that is taken is no reason to let a login die. */
async function openMetricsPort(
	{ settings, log }: ServiceOptions,
	figures: () => Promise<string>,
): Promise<MetricsServer | undefined> {
	const { port } = settings.metrics ?? {};
	if (port === undefined) return undefined;
	try {
		return await serveMetrics(port, figures);
	} catch (error) {
		log.failure("metrics cannot be served", error);
		return undefined;
	}
}

interface Opened {
	readonly custodians: ReadonlyMap<string, Custodian>;
	readonly live: LiveSettings;
}

/** Every record is read, and found sound, before anything is made or started. */
async function openCustodians(
	options: ServiceOptions & Pick<CustodianContext, "route" | "engines" | "metrics" | "onNews">,
	audit: AuditLog,
	{ source: key }: OpenedKey,
): Promise<Opened> {
	const { settings, stateFolder } = options;
	const folder = join(stateFolder, SECRETS);
	const store = custodyStore(openSecretStore({ folder, key }));
	const memory = await openSinkMemory(join(stateFolder, SINK_MEMORY));
	const records = new Map<string, CustodyRecord | undefined>();
	for (const name of Object.keys(settings.names)) records.set(name, await store.load(name));

	for (const own of [stateFolder, folder]) await removeLeftoversIn(own);
	await removeLeftovers(options.keyPlaces.file);
	const custodians = new Map<string, Custodian>();
	const isKnown = (fp: string) => [...custodians.values()].some((one) => one.knows(fp));
	const isDisarming = (path: string) =>
		[...custodians.values()].some((one) => one.isDisarming(path));
	const surroundings = { ...options, memory, isKnown, isDisarming };
	const live = new LiveSettings({
		...options,
		makeSink: (name, about) => makeSink(name, about, surroundings),
	});
	for (const [name, found] of records) {
		const record = found ?? (await firstRecord(name, store));
		custodians.set(name, openCustodian(record, { ...options, store, audit, live }));
	}
	return { custodians, live };
}

async function firstRecord(name: string, store: CustodyStore): Promise<CustodyRecord> {
	const record = emptyRecord(name, randomBytes(32).toString("hex"));
	await store.save(record);
	return record;
}

interface CustodianContext extends ServiceOptions {
	/** Something has happened that a person may have to hear of. */
	onNews(): void;
	readonly route: Route;
	readonly engines: Engines;
	readonly store: CustodyStore;
	readonly audit: AuditLog;
	readonly metrics: Metrics;
	readonly live: LiveSettings;
}

function openCustodian(record: CustodyRecord, context: CustodianContext): Custodian {
	const { settings, route, engines, clock, log, store, audit, live, metrics, onNews } = context;
	const now = () => clock.now();
	const { name } = record;
	const provider = providerOf(settings, VERSION);
	const { requestLimit } = settings.timing;
	return new Custodian({
		record,
		rules: live.rules,
		engine: engines.of(name),
		probe: httpProbe(provider, requestLimit, now, route),
		revoke: httpRevoker(provider, requestLimit, route),
		sinks: live.sinksOf(name),
		store,
		clock,
		onNote(note) {
			audit.write(name, note, clock.now());
			metrics.heard(name, note);
			const { level, what, lineageId: lineage, fp, generation, device, sink, reason, hint } = note;
			log[level](what, { name, lineage, fp, generation, device, sink, reason, hint });
			onNews();
		},
		onTrouble(trouble) {
			if (trouble === undefined) log.info("the state can be saved again", { name });
			else log.warn("the state cannot be saved; trying again", { name, ...trouble });
			onNews();
		},
		onFault: (fault) => log.failure("a request met a fault", fault, { name }),
	});
}

function aborted(signal: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal.aborted) return resolve();
		signal.addEventListener("abort", () => resolve(), { once: true });
	});
}

/** @throws BatonError `timed-out` */
async function inOrder(runs: readonly Promise<void>[], limitMs: number, clock: Clock) {
	const done = new AbortController();
	const late = clock.sleep(limitMs, done.signal).then(
		() => "late" as const,
		() => "done" as const,
	);
	const outcome = await Promise.race([late, Promise.allSettled(runs)]);
	done.abort();
	if (outcome !== "late") return;
	throw new BatonError("timed-out", "the service could not save its state before it ended", {
		hint: "look at the state folder's disk, then start the service again",
	});
}
