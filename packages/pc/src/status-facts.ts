/** What `baton status` tells, as plain facts: from the record, and from the watcher if one runs. */

import type { Handover, Host, HostMemory, PcRecord, PcRules } from "@baton/core/handover-state";
import { NEW_HOST } from "@baton/core/handover-state";
import type { StatusAnswer } from "@baton/core/protocol";
import type { LiveFacts } from "./control/messages.ts";
import { backFromEscrow, stepWords } from "./words.ts";

/** Who may spend the login: the host, nobody while in transit, or nobody as far as is known. */
export type Holder = "host" | "in-transit" | "nobody" | "unknown";

export interface HandoverFacts {
	/** First 12 hex digits of the fingerprint. */
	readonly fp: string;
	readonly step: Handover["step"];
	readonly words: string;
	/** Wall-clock ms, as all times here. */
	readonly since: number;
	readonly next?: string;
}

export interface HostFacts {
	readonly host: Host;
	readonly login: "dedicated" | "follow-login" | "not-in-settings";
	readonly holder: Holder;
	readonly state?: StatusAnswer["state"];
	readonly generation?: number;
	readonly accessUntil?: number;
	readonly deadline?: number;
	readonly need?: string;
	readonly contactAt?: number;
	/** Why it cannot be reached; only known while a watcher runs. */
	readonly trouble?: string;
	readonly handovers: readonly HandoverFacts[];
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
	const named = [...Object.keys(rules.hosts), ...record.handovers.map(({ host }) => host)];
	const hosts = [...new Set(named)].filter((host) => only === undefined || host === only);
	return {
		ok: true,
		watcher: live === undefined ? { running: false } : { running: true, pid: live.pid },
		...(permit === undefined
			? {}
			: { permit: { host: permit.host, by: permit.by, since: permit.since } }),
		hosts: hosts.map((host) => hostFacts(host, record, rules, live)),
		stores: live?.stores ?? {},
		...(live?.trouble === undefined ? {} : { trouble: live.trouble }),
	};
}

function hostFacts(
	host: Host,
	record: PcRecord,
	rules: PcRules,
	live: LiveFacts | undefined,
): HostFacts {
	const memory = record.hosts[host] ?? NEW_HOST;
	const handovers = record.handovers.filter((one) => one.host === host);
	const trouble = live?.links[host];
	return {
		host,
		login: rules.hosts[host]?.mode ?? "not-in-settings",
		holder: holderOf(memory, handovers),
		...toldFacts(memory),
		...(trouble === undefined ? {} : { trouble }),
		handovers: handovers.map(handoverFacts),
	};
}

function holderOf({ status }: HostMemory, handovers: readonly Handover[]): Holder {
	if (handovers.some(({ step }) => step === "taken")) return "in-transit";
	switch (status?.state) {
		case undefined:
			return "unknown";
		case "none":
		case "needs-login":
			return "nobody";
		case "staged":
			return "in-transit";
		default:
			return "host";
	}
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

function handoverFacts(handover: Handover): HandoverFacts {
	const { fp, step, since } = handover;
	const next = nextOf(handover);
	return {
		fp: fp.slice(0, 12),
		step,
		words: stepWords(step),
		since,
		...(next === undefined ? {} : { next }),
	};
}

function nextOf({ step, host, reason }: Handover): string | undefined {
	switch (step) {
		case "provisional":
			return `to hand it over all the same: baton handover ${host}`;
		case "kept":
			return backFromEscrow(host, reason);
		case "sealed":
			return `make a new login for ${host}`;
		default:
			return undefined;
	}
}
