/** What `baton status` tells, as plain facts: from the record, and from the watcher if one runs. */

import { type DeadlineWarning, isNewWarning } from "@baton/core/deadline-warning";
import type { Handover, Host, HostMemory, PcRecord, PcRules } from "@baton/core/handover-state";
import { dedicatedStore, dedicatedTo, NEW_HOST } from "@baton/core/handover-state";
import type { LossEvidence, LossReason, StatusAnswer } from "@baton/core/protocol";
import type { LiveFacts } from "./control/messages.ts";
import { type Around, handoverWords, nextOfHandover } from "./handover-words.ts";
import { type HowToLogin, howToLogin } from "./new-login.ts";
import { type Holder, hasEarlier, holderOf, isFromElsewhere } from "./who-holds.ts";
import { afterDecline, leftWords } from "./words.ts";

export interface HandoverFacts {
	/** First 12 hex digits of the fingerprint. */
	readonly fp: string;
	readonly step: Handover["step"];
	/** Where it came from: claude's own place, or the host's folder here. */
	readonly store: "normal" | "dedicated";
	readonly words: string;
	/** Wall-clock ms, as all times here. */
	readonly since: number;
	/** The login's own end, which nothing moves. */
	readonly deadline?: number;
	/** Why it came back, or could not be handed over. */
	readonly reason?: string;
	/** Why it is to come back. */
	readonly takeBack?: string;
	readonly next?: string;
}

/** A login in a host's own folder that is not on its way there: declined, or taken back. */
export type LeftFacts = Omit<HandoverFacts, "step" | "takeBack">;

export interface HostFacts {
	readonly host: Host;
	readonly login: "dedicated" | "follow-login" | "not-in-settings";
	readonly holder: Holder;
	/** It has an earlier login while a new one is in transit to it. */
	readonly hasEarlier?: true;
	/** What is in transit to it did not come from this PC. */
	readonly fromElsewhere?: true;
	/** What it last told of itself, up to `contactAt`. */
	readonly state?: StatusAnswer["state"];
	readonly lineageId?: string;
	readonly generation?: number;
	readonly accessUntil?: number;
	readonly deadline?: number;
	/** Of the last refresh. */
	readonly rotatedAt?: number;
	readonly version?: string;
	/** What stands between it and the provider, by its last word. */
	readonly provider?: string;
	readonly need?: LossReason;
	/** What is known of a login that is lost there or was rolled back, by its last word. */
	readonly evidence?: LossEvidence;
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

/** The next login in claude's own place goes to this host. */
export interface PermitFacts {
	readonly host: Host;
	readonly by: "person" | "host";
	readonly since: number;
	/** It may push out a login in good order. */
	readonly replace: boolean;
}

export interface StatusFacts {
	readonly ok: true;
	readonly watcher: { readonly running: boolean; readonly pid?: number };
	readonly permit?: PermitFacts;
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
		...(permit === undefined ? {} : { permit }),
		hosts: hosts.map((host) => hostFacts(host, record, rules, live, login)),
		stores: live?.stores ?? {},
		...(live?.trouble === undefined ? {} : { trouble: live.trouble }),
	};
}

/** Steps of logins that no longer are to meet the host's need. */
const IN_THE_BACKGROUND: readonly Handover["step"][] = [
	"putting-back",
	"put-back",
	"kept",
	"discarding",
];

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
	const around: Around = { mode, login, isOutOfReach: trouble !== undefined };
	const isQuiet =
		left === undefined && handovers.every(({ step }) => IN_THE_BACKGROUND.includes(step));
	const next =
		mode !== undefined && isQuiet
			? nextForHost(host, memory, login, live !== undefined)
			: undefined;
	return {
		host,
		login: mode ?? "not-in-settings",
		holder: holderOf(memory, handovers),
		...(isFromElsewhere(memory, handovers) ? { fromElsewhere: true as const } : {}),
		...(hasEarlier(memory, handovers) ? { hasEarlier: true as const } : {}),
		...toldFacts(memory),
		...defined({ trouble, remedy, next }),
		handovers: handovers.map((handover) => handoverFacts(handover, around)),
		...defined({ left }),
	};
}

/** In its folder, and the PC's own: offered again only when a person asks. */
function leftIn(
	host: Host,
	{ stores, known, handovers }: PcRecord,
	login: HowToLogin,
): LeftFacts | undefined {
	const { fp, deadline } = stores[dedicatedStore(host)] ?? {};
	const own = fp === undefined ? undefined : known[fp];
	if (fp === undefined || own?.was !== "own") return undefined;
	if (handovers.some((one) => one.fp === fp)) return undefined;
	const handover = `baton handover ${host}`;
	return {
		fp: fp.slice(0, 12),
		store: "dedicated",
		words: leftWords(own.reason, host),
		since: own.at,
		...defined({ deadline, reason: own.reason }),
		next:
			afterDecline(host, own.reason, { handover, login: login(host) }) ??
			`to hand it over all the same: ${handover} --replace`,
	};
}

function nextForHost(
	host: Host,
	{ status, need, contactAt, warned }: HostMemory,
	login: HowToLogin,
	isWatched: boolean,
): string | undefined {
	if (need !== undefined) return `make a new login for ${host}: ${login(host)}`;
	if (contactAt === undefined) return isWatched ? undefined : "to ask it: baton watch";
	switch (status?.state) {
		case "in-doubt":
		case "suspect":
			return "nothing to do: it finds out, and asks for a login if it must";
		case "verifying":
			return "nothing to do, but if it stays so, ask there: batond status";
		default:
			return warned !== undefined && warned.days <= 7 && isOf(warned, status?.deadline)
				? `make its next login before this one ends: ${login(host)}`
				: undefined;
	}
}

/** Whether a warning is of this end, and not of the login before. */
function isOf(warned: DeadlineWarning, deadline: number | undefined): boolean {
	return deadline !== undefined && !isNewWarning({ ...warned, deadline }, warned);
}

function toldFacts({ status, need, contactAt }: HostMemory) {
	const { state, lineageId, generation, accessUntil, deadline, rotatedAt, version } = status ?? {};
	const told = { state, lineageId, generation, accessUntil, deadline, rotatedAt, version };
	const evidence = need === undefined ? undefined : status?.need?.evidence;
	return defined({ ...told, provider: status?.provider, need, evidence, contactAt });
}

/** Without the keys whose value is undefined. */
function defined<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	const entries = Object.entries(facts).filter(([, value]) => value !== undefined);
	return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function handoverFacts(handover: Handover, around: Around): HandoverFacts {
	const { fp, step, since, store, deadline, reason, takeBack } = handover;
	const next = nextOfHandover(handover, around);
	return {
		fp: fp.slice(0, 12),
		step,
		store: dedicatedTo(store) === undefined ? "normal" : "dedicated",
		words: handoverWords(handover),
		since,
		...defined({ deadline, reason, takeBack, next }),
	};
}
