/** What `baton status` tells, as plain facts: from the record, and from the watcher if one runs. */

import type { Handover, Host, HostMemory, PcRecord, PcRules } from "@baton/core/handover-state";
import { dedicatedStore, NEW_HOST } from "@baton/core/handover-state";
import type { StatusAnswer } from "@baton/core/protocol";
import type { LiveFacts } from "./control/messages.ts";
import { type HowToLogin, howToLogin } from "./new-login.ts";
import { storeFlag } from "./store-flag.ts";
import { type Holder, hasEarlier, holderOf } from "./who-holds.ts";
import {
	afterDecline,
	afterSpent,
	backFromEscrow,
	leftWords,
	sealedWords,
	stepWords,
} from "./words.ts";

export interface HandoverFacts {
	/** First 12 hex digits of the fingerprint. */
	readonly fp: string;
	readonly step: Handover["step"];
	readonly words: string;
	/** Wall-clock ms, as all times here. */
	readonly since: number;
	readonly next?: string;
}

/** A login in a host's own folder that is not on its way there: declined, or taken back. */
export type LeftFacts = Omit<HandoverFacts, "step">;

export interface HostFacts {
	readonly host: Host;
	readonly login: "dedicated" | "follow-login" | "not-in-settings";
	readonly holder: Holder;
	/** It has an earlier login while a new one is in transit to it. */
	readonly hasEarlier?: true;
	readonly state?: StatusAnswer["state"];
	readonly generation?: number;
	readonly accessUntil?: number;
	readonly deadline?: number;
	readonly need?: string;
	readonly contactAt?: number;
	/** Why it cannot be reached; only known while a watcher runs. */
	readonly trouble?: string;
	/** What can be done about that. */
	readonly remedy?: string;
	/** The next step, where none of its logins has one. */
	readonly next?: string;
	readonly handovers: readonly HandoverFacts[];
	readonly left?: LeftFacts;
}

export interface StatusFacts {
	readonly ok: true;
	readonly watcher: { readonly running: boolean; readonly pid?: number };
	readonly permit?: { readonly host: Host; readonly by: string; readonly since: number };
	readonly hosts: readonly HostFacts[];
	/** Why a login on this PC cannot be read, by its place. */
	readonly stores: Readonly<Record<string, string>>;
	/** Why the state cannot be written. */
	readonly trouble?: string;
}

/** @param only this host; all of them unless given */
export function statusFacts(
	record: PcRecord,
	rules: PcRules,
	live: LiveFacts | undefined,
	only: Host | undefined,
): StatusFacts {
	const { permit } = record;
	const login = howToLogin(rules.hosts, permit?.host);
	const named = [...Object.keys(rules.hosts), ...record.handovers.map(({ host }) => host)];
	const hosts = [...new Set(named)].filter((host) => only === undefined || host === only);
	return {
		ok: true,
		watcher: live === undefined ? { running: false } : { running: true, pid: live.pid },
		...(permit === undefined
			? {}
			: { permit: { host: permit.host, by: permit.by, since: permit.since } }),
		hosts: hosts.map((host) => hostFacts(host, record, rules, live, login)),
		stores: live?.stores ?? {},
		...(live?.trouble === undefined ? {} : { trouble: live.trouble }),
	};
}

function hostFacts(
	host: Host,
	record: PcRecord,
	rules: PcRules,
	live: LiveFacts | undefined,
	login: HowToLogin,
): HostFacts {
	const memory = record.hosts[host] ?? NEW_HOST;
	const handovers = record.handovers.filter((one) => one.host === host);
	const { why: trouble, next: remedy } = live?.links[host] ?? {};
	const mode = rules.hosts[host]?.mode;
	const left = mode === "dedicated" ? leftIn(host, record, login) : undefined;
	const isQuiet = mode !== undefined && handovers.length === 0 && left === undefined;
	const next = isQuiet ? nextForHost(host, memory, login) : undefined;
	return {
		host,
		login: mode ?? "not-in-settings",
		holder: holderOf(memory, handovers),
		...(hasEarlier(memory, handovers) ? { hasEarlier: true as const } : {}),
		...toldFacts(memory),
		...defined({ trouble, remedy, next }),
		handovers: handovers.map((handover) => handoverFacts(handover, mode, login)),
		...defined({ left }),
	};
}

/** In its folder, and the PC's own: offered again only when a person asks. */
function leftIn(
	host: Host,
	{ stores, known, handovers }: PcRecord,
	login: HowToLogin,
): LeftFacts | undefined {
	const fp = stores[dedicatedStore(host)]?.fp;
	const own = fp === undefined ? undefined : known[fp];
	if (fp === undefined || own?.was !== "own") return undefined;
	if (handovers.some((one) => one.fp === fp)) return undefined;
	const handover = `baton handover ${host}`;
	return {
		fp: fp.slice(0, 12),
		words: leftWords(own.reason),
		since: own.at,
		next:
			afterDecline(host, own.reason, { handover, login: login(host) }) ??
			`to hand it over all the same: ${handover} --replace`,
	};
}

function nextForHost(
	host: Host,
	{ status, need }: HostMemory,
	login: HowToLogin,
): string | undefined {
	if (need !== undefined) return `make a new login for ${host}: ${login(host)}`;
	return status?.state === "verifying"
		? "nothing to do, but if it stays so, ask there: batond status"
		: undefined;
}

function toldFacts({ status, need, contactAt }: HostMemory) {
	const { state, generation, accessUntil, deadline } = status ?? {};
	return defined({ state, generation, accessUntil, deadline, need, contactAt });
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
	return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

type Mode = PcRules["hosts"][Host]["mode"] | undefined;

function handoverFacts(handover: Handover, mode: Mode, login: HowToLogin): HandoverFacts {
	const { fp, step, since } = handover;
	const next = nextOf(handover, mode, login);
	return {
		fp: fp.slice(0, 12),
		step,
		words: step === "sealed" ? sealedWords(handover.reason) : stepWords(step),
		since,
		...(next === undefined ? {} : { next }),
	};
}

function nextOf(
	{ step, host, reason, store }: Handover,
	mode: Mode,
	login: HowToLogin,
): string | undefined {
	if (mode === undefined && isAskedAbout(step)) return nextWithoutHost(host, step);
	switch (step) {
		case "provisional":
			return `to hand it over all the same: baton handover ${host}${storeFlag(store, mode)}`;
		case "kept":
			return backFromEscrow(host, reason);
		case "sealed":
			return afterSpent(host, reason, login(host));
		default:
			return undefined;
	}
}

/** Steps that only a word with the host leads on from. */
function isAskedAbout(step: Handover["step"]): boolean {
	return step === "pending" || step === "taking" || step === "taken";
}

/** The host is not in the settings, so nobody asks it. */
function nextWithoutHost(host: Host, step: Handover["step"]): string {
	return step === "taken"
		? `name ${host} in the settings again; or, if it is gone for good: baton take-back ${host} --force`
		: `name ${host} in the settings again, or keep the login here: baton take-back ${host}`;
}
