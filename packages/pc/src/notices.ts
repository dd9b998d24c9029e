/** Notes of the machine in words for the person at this PC, each with the next step where there is one. */

import type { Note } from "@baton/core/effect";
import type { PcState } from "@baton/core/handover-state";
import { dedicatedTo } from "@baton/core/handover-state";
import { type HowToLogin, howToLogin } from "./new-login.ts";
import { storeFlag } from "./store-flag.ts";
import { afterDecline, afterForce, afterSpent, backFromEscrow } from "./words.ts";

export interface Notice {
	/** Raised where only a person can go on. */
	readonly level: Note["level"];
	/** Lower-case, without a full stop, and the same for every note of its kind. */
	readonly text: string;
	readonly next: string | undefined;
}

/** What host, login and reason it is about stands beside it. */
export function noticeOf(note: Note, state: PcState): Notice {
	const login = howToLogin(state.rules.hosts, state.record.permit?.host);
	const next = nextOf(note, state, login);
	const stuck = note.what === "declined" && next !== undefined;
	return { level: stuck ? "warn" : note.level, text: textOf(note.what), next };
}

const TEXTS: Readonly<Record<string, string>> = {
	"login-seen": "a login for the host was seen",
	taken: "login taken, this PC cannot spend it from now on",
	"handed-over": "login handed over",
	declined: "the host declined the login",
	"not-taken": "the host gave the login back",
	spent: "the host could not use the login, it is spent",
	"put-back": "the login is back on this PC",
	kept: "the login is this PC's own again, but kept in escrow",
	"forced-back": "the login is taken back by force",
	"copy-disarmed": "a copy of a login handed over before came back and was disarmed",
	"permit-opened": "the next login on this PC goes to the host",
	"host-needs-login": "the host needs a login",
	"deadline-near": "the host's login nears its end",
	"host-unreachable": "no answer from the host, trying again",
	"disk-failed": "could not write here, trying again",
	"store-busy": "claude's locks stay held, waiting",
};

function textOf(what: string): string {
	return TEXTS[what] ?? what.replaceAll("-", " ");
}

function nextOf(note: Note, state: PcState, login: HowToLogin): string | undefined {
	const host = note.host ?? "HOST";
	switch (note.what) {
		case "handed-over":
			return nextOnPc(note, state);
		case "declined":
			return nextAfterDecline(note, host, state, login);
		case "not-taken":
			return afterDecline(host, note.reason, {
				handover: `baton handover ${host}`,
				login: login(host),
			});
		case "spent":
			return afterSpent(host, note.reason, login(host));
		case "kept":
			return backFromEscrow(host, note.reason);
		case "forced-back":
			return afterForce(host, login(host));
		case "copy-disarmed":
			return "if you restored no backup, look what copies claude's files to this PC";
		case "permit-opened":
			return "run /login in claude on this PC";
		case "deadline-near":
			return `make the next login in its last week: ${login(host)}`;
		case "host-needs-login":
			return nextForHost(host, state, login);
		case "store-busy":
			return "if no claude runs, wait a minute";
		default:
			return undefined;
	}
}

/** The login that left claude's own place is missing there; one from a dedicated folder is not. */
function nextOnPc({ fp }: Note, { record }: PcState): string | undefined {
	const handover = record.handovers.find((one) => one.fp === fp);
	if (handover === undefined || dedicatedTo(handover.store) !== undefined) return undefined;
	return "run /login once more in claude on this PC, for the PC itself";
}

function nextForHost(host: string, { record }: PcState, login: HowToLogin): string {
	return record.permit?.host === host
		? "run /login in claude on this PC: that login is handed over"
		: `make a new login for ${host}: ${login(host)}`;
}

/** Its hand-over is over by now, but the login lies where it lay. */
function nextAfterDecline(
	{ fp, reason = "" }: Note,
	host: string,
	{ record, rules }: PcState,
	login: HowToLogin,
): string | undefined {
	const [store] = Object.entries(record.stores).find(([, view]) => view.fp === fp) ?? [];
	if (store === undefined) return undefined;
	const flag = storeFlag(store, rules.hosts[host]?.mode);
	const next = afterDecline(host, reason, {
		handover: `baton handover ${host}${flag}`,
		login: login(host),
	});
	return dedicatedTo(store) !== undefined && next !== undefined
		? `it stays in its folder here; ${next}`
		: next;
}
