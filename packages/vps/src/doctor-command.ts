/**
 * `batond doctor`: looks at everything that can stand in the way of a login's life, and says what it
 * found, worst first. It rotates nothing and writes nothing.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { BatonError, EXIT, type ExitCode } from "@baton/core/error";
import type { Fingerprint } from "@baton/core/lineage";
import type { Clock } from "@baton/io/clock";
import { VERSION } from "@baton/io/version";
import { askService } from "./ask-service.ts";
import { atHome } from "./at-home.ts";
import type { ImportAnswer, ServiceStatus } from "./control-message.ts";
import { lookForPrograms } from "./doctor/claude-found.ts";
import { judgeConsumers } from "./doctor/consumers.ts";
import { judgeLogin, judgeSinks } from "./doctor/custody-found.ts";
import { judgeClock, judgeEndpoint, lookAtEndpoint } from "./doctor/endpoint.ts";
import { judgeEngine } from "./doctor/engine.ts";
import { type Finding, worstFirst } from "./doctor/finding.ts";
import { judgeKey, lookAtKey } from "./doctor/key.ts";
import { judgeLeftovers } from "./doctor/leftovers.ts";
import { lookAtConsumers } from "./doctor/look-at-consumers.ts";
import { lookForCopies } from "./doctor/look-at-copies.ts";
import { lookAtJobs } from "./doctor/look-at-jobs.ts";
import { lookAtTraps } from "./doctor/look-at-traps.ts";
import { judgeModes, lookAtModes, type Wanted } from "./doctor/modes.ts";
import { judgeJobs } from "./doctor/refresh-jobs.ts";
import { judgeTraps } from "./doctor/traps.ts";
import { judgeUnit, lookAtUnit } from "./doctor/unit.ts";
import { loadSettings } from "./load-settings.ts";
import { engineChooser } from "./open-engines.ts";
import { openRoute } from "./open-route.ts";
import { jsonLine, type Said } from "./said.ts";
import { providerOf, type Settings } from "./settings.ts";
import { CONTROL_SOCKET, DEVICE_SOCKET, SECRETS } from "./state-folder.ts";
import type { Places } from "./surroundings.ts";

export interface DoctorOptions {
	readonly places: Places;
	readonly environment: NodeJS.ProcessEnv;
	readonly home: string;
	readonly uid: number;
	readonly clock: Clock;
	readonly json: boolean;
}

/** Exit code 0 if nothing is wrong, 1 if something is, 12 if the service is down. Never throws for what it finds. */
export async function doctor(options: DoctorOptions): Promise<Said> {
	const { status, finding } = await lookAtService(options);
	const { settings, findings: ofSettings } = await lookAtSettings(options);
	const found = settings === undefined ? [] : await lookAround(options, settings, status);
	const rest = worstFirst([...ofSettings, ...found]);
	// Whether it runs comes first, since much else rests on it.
	const findings = [finding, ...rest];
	const code = codeOf(finding, findings);
	const stdout = options.json
		? jsonLine({ ok: code === EXIT.well, version: VERSION, findings })
		: `${findings.flatMap(describe).join("\n")}\n`;
	return { stdout, stderr: "", code };
}

function codeOf(service: Finding, findings: readonly Finding[]): ExitCode {
	if (service.gravity === "wrong") return EXIT.hostUnreachable;
	return findings.some(({ gravity }) => gravity === "wrong") ? EXIT.fault : EXIT.well;
}

function describe({ about, gravity, says, hint }: Finding): string[] {
	const line = `${gravity.padEnd(8)}  ${about}: ${says}`;
	return hint === undefined ? [line] : [line, `          next: ${hint}`];
}

interface ServiceSeen {
	readonly status: ServiceStatus | undefined;
	readonly finding: Finding;
}

async function lookAtService({ places, clock }: DoctorOptions): Promise<ServiceSeen> {
	const about = "service";
	try {
		const answer = await askService(places.state, { v: 1, type: "status" }, clock);
		const status = answer as ServiceStatus;
		const same = status.version === VERSION;
		const finding: Finding = same
			? { about, gravity: "well", says: `it runs, version ${VERSION}` }
			: {
					about,
					gravity: "doubtful",
					says: `it runs in version ${status.version}, and this command is ${VERSION}`,
					hint: "restart it: systemctl --user restart batond",
				};
		return { status, finding };
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		const { message, hint } = error;
		return { status: undefined, finding: { about, gravity: "wrong", says: message, hint } };
	}
}

async function lookAtSettings({ places }: DoctorOptions) {
	const about = "settings";
	try {
		const settings = await loadSettings(places.settings);
		const says = existsSync(places.settings)
			? `${places.settings} is sound`
			: `there is no ${places.settings}: all is as by default`;
		const sound: Finding = { about, gravity: "well", says };
		return { settings, findings: [sound] };
	} catch (error) {
		if (!(error instanceof BatonError)) throw error;
		const finding: Finding = { about, gravity: "wrong", says: error.message, hint: error.hint };
		return { settings: undefined, findings: [finding] };
	}
}

type Look = () => Promise<readonly Finding[]>;

/** Each look for itself: one that fails hides no other. */
async function lookAround(
	options: DoctorOptions,
	settings: Settings,
	status: ServiceStatus | undefined,
): Promise<Finding[]> {
	const { environment, home, uid, clock } = options;
	const folders = claudeFolders(settings);
	const looks: Readonly<Record<string, Look>> = {
		custody: async () => custodyFindings(status),
		endpoint: async () => {
			const route = await openRoute(settings.provider, environment);
			const provider = providerOf(settings, VERSION);
			const facts = await lookAtEndpoint(provider, environment, clock, route);
			return [judgeEndpoint(facts), judgeClock(facts)];
		},
		engine: async () => {
			const choice = status?.engine ?? (await ownChoice(settings, environment));
			return judgeEngine({ choice, found: await lookForPrograms(environment, home) });
		},
		key: async () => [judgeKey(await lookAtKey(options.places, status?.key))],
		precedence: async () => {
			const places = { home, claudeFolders: folders, ownFiles: envFiles(settings), environment };
			return judgeTraps(await lookAtTraps(places), folders.length > 0);
		},
		modes: async () => judgeModes(await lookAtModes(ownPlaces(options, status)), uid),
		unit: async () => {
			const systemd = existsSync("/run/systemd/system");
			return judgeUnit(await lookAtUnit(systemd, status !== undefined, environment, uid));
		},
		copies: async () => {
			const ask = async (fp: Fingerprint) => await becameOf(fp, status, options);
			const { found, unreadable, looked } = await lookForCopies(home, folders, ask);
			return judgeLeftovers(found, unreadable, looked);
		},
		jobs: async () => judgeJobs(await lookAtJobs(home, environment)),
		consumers: async () => judgeConsumers(await lookAtConsumers(uid)),
	};
	const found = Object.entries(looks).map(([about, look]) => guarded(about, look));
	return (await Promise.all(found)).flat();
}

/** What the service would choose, as far as this command's environment is the same. */
async function ownChoice(settings: Settings, environment: NodeJS.ProcessEnv) {
	const route = await openRoute(settings.provider, environment);
	return await engineChooser({ settings, environment, route })();
}

async function guarded(about: string, look: Look): Promise<readonly Finding[]> {
	try {
		return await look();
	} catch (error) {
		// Only our own errors are known to name no secret.
		const why = error instanceof BatonError ? error.message : "for a reason that is not known";
		return [{ about, gravity: "unseen", says: `it could not be looked at: ${why}` }];
	}
}

function custodyFindings(status: ServiceStatus | undefined): Finding[] {
	if (status === undefined) {
		const says = "how logins and sinks fare only the service can say";
		return [{ about: "login", gravity: "unseen", says }];
	}
	const { names, now } = status;
	return names.flatMap((one) => [judgeLogin(one, now), ...judgeSinks(one, now)]);
}

function claudeFolders({ names }: Settings): string[] {
	const sinks = Object.values(names).flatMap(({ sinks }) => Object.values(sinks));
	return sinks.flatMap((sink) => (sink.type === "claude-code" ? [atHome(sink.configDir)] : []));
}

function envFiles({ names }: Settings): string[] {
	const sinks = Object.values(names).flatMap(({ sinks }) => Object.values(sinks));
	return sinks.flatMap((sink) => (sink.type === "env-file" ? [atHome(sink.path)] : []));
}

const ALL = 0o077;
const WRITE = 0o022;

function ownPlaces({ places }: DoctorOptions, status: ServiceStatus | undefined): Wanted[] {
	const { state, key, settings } = places;
	const isNew = status === undefined;
	const sockets = [CONTROL_SOCKET, DEVICE_SOCKET].map((name): Wanted => {
		const path = join(state, name);
		return { path, what: "socket", kind: "socket", others: ALL, optional: isNew };
	});
	return [
		{ path: state, what: "state folder", kind: "folder", others: ALL, optional: isNew },
		{
			path: join(state, SECRETS),
			what: "folder of secrets",
			kind: "folder",
			others: ALL,
			optional: isNew,
		},
		{ path: key, what: "key", kind: "file", others: ALL, optional: true },
		{ path: settings, what: "settings file", kind: "file", others: WRITE, optional: true },
		...sockets,
	];
}

/** What any name of the service knows of a fingerprint. */
async function becameOf(
	fp: Fingerprint,
	status: ServiceStatus | undefined,
	{ places, clock }: DoctorOptions,
): Promise<string | undefined> {
	if (status === undefined) return undefined;
	for (const { name } of status.names) {
		const answer = await askService(places.state, { v: 1, type: "custody", name, fp }, clock);
		const { became } = answer as ImportAnswer;
		if (became !== "unknown") return became;
	}
	return "unknown";
}
